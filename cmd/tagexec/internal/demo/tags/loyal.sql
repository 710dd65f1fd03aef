-- loyal: frequency and recency quintiles 4 or 5, at least three visits, and no champion (RFM 555);
-- the value is the number of visits.
--
-- Source: the customary RFM segments, disjoint from champions and at_risk.
DELETE FROM demo.user_tags
WHERE tag = 'loyal'
  AND biz_date = $1::date;

INSERT INTO demo.user_tags (customer_id, tag, biz_date, value)
SELECT s.customer_id, 'loyal', $1::date, s.days
FROM demo.rfm($1::date) s
WHERE s.r >= 4
  AND s.f >= 4
  AND s.days >= 3
  AND NOT (s.r = 5 AND s.f = 5 AND s.m = 5)
ORDER BY s.customer_id;
