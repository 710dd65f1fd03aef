-- reactivated: bought in the month of the business date after 180 days or more without a purchase;
-- the value is the length of the gap in days.
DELETE FROM demo.user_tags
WHERE tag = 'reactivated'
  AND biz_date = $1::date;

INSERT INTO demo.user_tags (customer_id, tag, biz_date, value)
SELECT v.customer_id, 'reactivated', $1::date, max(v.purchased_on - v.previous_on)
FROM (
    SELECT p.customer_id,
           p.purchased_on,
           lag(p.purchased_on) OVER (PARTITION BY p.customer_id ORDER BY p.purchased_on) AS previous_on
    FROM demo.purchases p
    WHERE p.purchased_on <= $1::date
) v
WHERE v.purchased_on > $1::date - extract(day FROM $1::date)::integer
  AND v.purchased_on - v.previous_on >= 180
GROUP BY v.customer_id
ORDER BY v.customer_id;
