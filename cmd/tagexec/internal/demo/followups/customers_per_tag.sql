-- customers_per_tag: counts who has each tag on the business date, tags that nobody has included.
INSERT INTO demo.tag_counts (biz_date, tag, customers)
SELECT $1::date, t.tag, count(u.customer_id)
FROM demo.tags t
LEFT JOIN demo.user_tags u
    ON u.biz_date = $1::date
    AND u.tag = t.tag
GROUP BY t.tag
ORDER BY t.tag
ON CONFLICT (biz_date, tag) DO UPDATE
SET customers = EXCLUDED.customers;
