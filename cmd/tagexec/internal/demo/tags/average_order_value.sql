-- average_order_value: every customer; the value is dollars per order, to the cent.
--
-- Per order and not per visit: two orders on one day count twice.
DELETE FROM demo.user_tags
WHERE tag = 'average_order_value'
  AND biz_date = $1::date;

INSERT INTO demo.user_tags (customer_id, tag, biz_date, value)
SELECT h.customer_id, 'average_order_value', $1::date, round(h.dollars / h.orders, 2)
FROM demo.history($1::date) h
ORDER BY h.customer_id;
