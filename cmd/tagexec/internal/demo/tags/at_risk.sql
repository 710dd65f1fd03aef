-- at_risk: a good customer gone quiet: frequency and monetary quintiles 4 or 5, at least two visits, recency
-- quintile 3 or below, and no purchase for 90 days; the value is the days since the last purchase.
--
-- The days keep the tag honest while the whole cohort is young: early quintiles lie a week apart.
-- Source: the customary RFM segments.
DELETE FROM demo.user_tags
WHERE tag = 'at_risk'
  AND biz_date = $1::date;

INSERT INTO demo.user_tags (customer_id, tag, biz_date, value)
SELECT s.customer_id, 'at_risk', $1::date, $1::date - s.last_on
FROM demo.rfm($1::date) s
WHERE s.r <= 3
  AND s.f >= 4
  AND s.m >= 4
  AND s.days >= 2
  AND s.last_on <= $1::date - 90
ORDER BY s.customer_id;
