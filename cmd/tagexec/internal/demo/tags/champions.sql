-- champions: best quintile in recency, frequency and monetary value (RFM 555), and at least two visits;
-- the value is the dollars spent.
--
-- Among the dearest to compute, since all customers are ranked three times: its job takes two slots of the pool.
-- Source: the customary RFM segments; the strictest of their definitions.
DELETE FROM demo.user_tags
WHERE tag = 'champions'
  AND biz_date = $1::date;

INSERT INTO demo.user_tags (customer_id, tag, biz_date, value)
SELECT s.customer_id, 'champions', $1::date, s.dollars
FROM demo.rfm($1::date) s
WHERE s.r = 5
  AND s.f = 5
  AND s.m = 5
  AND s.days >= 2
ORDER BY s.customer_id;
