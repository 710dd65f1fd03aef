-- big_spender: dollars spent so far at or above the 95th percentile of all customers' dollars;
-- the value is the dollars spent.
--
-- percentile_disc, so that the limit is an amount some customer spent and no rounding decides.
DELETE FROM demo.user_tags
WHERE tag = 'big_spender'
  AND biz_date = $1::date;

WITH spending AS MATERIALIZED (
    SELECT h.customer_id, h.dollars
    FROM demo.history($1::date) h
)
INSERT INTO demo.user_tags (customer_id, tag, biz_date, value)
SELECT s.customer_id, 'big_spender', $1::date, s.dollars
FROM spending s
WHERE s.dollars >= (
    SELECT percentile_disc(0.95) WITHIN GROUP (ORDER BY dollars)
    FROM spending
)
ORDER BY s.customer_id;
