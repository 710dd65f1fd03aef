-- monetary_quintile: every customer; the value is the monetary quintile, 5 spent most.
-- Sum of dollars; ties by last day of purchase, then days with a purchase, then customer_id.
--
-- Source: Hughes, Strategic Database Marketing (1994).
DELETE FROM demo.user_tags
WHERE tag = 'monetary_quintile'
  AND biz_date = $1::date;

INSERT INTO demo.user_tags (customer_id, tag, biz_date, value)
SELECT s.customer_id, 'monetary_quintile', $1::date, s.m
FROM demo.rfm($1::date) s
ORDER BY s.customer_id;
