-- frequency_quintile: every customer; the value is the frequency quintile, 5 came most often.
-- Days with a purchase; ties by last day of purchase, then dollars, then customer_id.
--
-- Two orders on one day are one visit, as in Fader and Hardie's models of this log. Half of the customers bought
-- once: they differ in this score by the tie-break only, so tags built on it ask for a second visit too.
-- Source: Hughes, Strategic Database Marketing (1994).
DELETE FROM demo.user_tags
WHERE tag = 'frequency_quintile'
  AND biz_date = $1::date;

INSERT INTO demo.user_tags (customer_id, tag, biz_date, value)
SELECT s.customer_id, 'frequency_quintile', $1::date, s.f
FROM demo.rfm($1::date) s
ORDER BY s.customer_id;
