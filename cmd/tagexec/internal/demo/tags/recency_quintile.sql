-- recency_quintile: every customer; the value is the recency quintile, 5 bought last.
-- Last day of purchase; ties by days with a purchase, then dollars, then customer_id.
--
-- Source: RFM scores as in Hughes, Strategic Database Marketing (1994), by quintiles of equal size.
DELETE FROM demo.user_tags
WHERE tag = 'recency_quintile'
  AND biz_date = $1::date;

INSERT INTO demo.user_tags (customer_id, tag, biz_date, value)
SELECT s.customer_id, 'recency_quintile', $1::date, s.r
FROM demo.rfm($1::date) s
ORDER BY s.customer_id;
