-- one_time_buyer: bought on one day only; the value is the days since then.
--
-- Source: a customer without a repeat purchase (x = 0) in Fader, Hardie and Lee (2005).
DELETE FROM demo.user_tags
WHERE tag = 'one_time_buyer'
  AND biz_date = $1::date;

INSERT INTO demo.user_tags (customer_id, tag, biz_date, value)
SELECT h.customer_id, 'one_time_buyer', $1::date, $1::date - h.first_on
FROM demo.history($1::date) h
WHERE h.days = 1
ORDER BY h.customer_id;
