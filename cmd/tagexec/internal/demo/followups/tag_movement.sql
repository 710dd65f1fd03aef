-- tag_movement: counts who got each segment since the previous month end, and who lost it.
--
-- Tags that everyone has are left out: nobody enters or leaves them.
INSERT INTO demo.tag_counts (biz_date, tag, entered, departed)
SELECT $1::date,
       t.tag,
       count(*) FILTER (WHERE m.has AND m.had IS NULL),
       count(*) FILTER (WHERE m.had AND m.has IS NULL)
FROM demo.tags t
LEFT JOIN LATERAL (
    SELECT n.has, p.had
    FROM (
        SELECT u.customer_id, true AS has
        FROM demo.user_tags u
        WHERE u.biz_date = $1::date
          AND u.tag = t.tag
    ) n
    FULL JOIN (
        SELECT u.customer_id, true AS had
        FROM demo.user_tags u
        WHERE u.biz_date = $1::date - extract(day FROM $1::date)::integer
          AND u.tag = t.tag
    ) p
        USING (customer_id)
) m
    ON true
WHERE NOT t.everyone
GROUP BY t.tag
ORDER BY t.tag
ON CONFLICT (biz_date, tag) DO UPDATE
SET entered = EXCLUDED.entered,
    departed = EXCLUDED.departed;
