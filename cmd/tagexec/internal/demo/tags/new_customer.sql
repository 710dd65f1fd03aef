-- new_customer: first purchase in the month of the business date; the value is the days since then.
--
-- The log is of one cohort, customers won in January to March 1997: from April on nobody is new.
DELETE FROM demo.user_tags
WHERE tag = 'new_customer'
  AND biz_date = $1::date;

INSERT INTO demo.user_tags (customer_id, tag, biz_date, value)
SELECT h.customer_id, 'new_customer', $1::date, $1::date - h.first_on
FROM demo.history($1::date) h
WHERE h.first_on > $1::date - extract(day FROM $1::date)::integer
ORDER BY h.customer_id;
