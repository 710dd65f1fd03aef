-- lost: recency and frequency quintiles 1 or 2, and no purchase for 180 days;
-- the value is the days since the last purchase.
--
-- Source: the customary RFM segments.
DELETE FROM demo.user_tags
WHERE tag = 'lost'
  AND biz_date = $1::date;

INSERT INTO demo.user_tags (customer_id, tag, biz_date, value)
SELECT s.customer_id, 'lost', $1::date, $1::date - s.last_on
FROM demo.rfm($1::date) s
WHERE s.r <= 2
  AND s.f <= 2
  AND s.last_on <= $1::date - 180
ORDER BY s.customer_id;
