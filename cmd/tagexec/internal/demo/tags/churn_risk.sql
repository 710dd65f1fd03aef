-- churn_risk: a repeat buyer who has more likely left than not: 1 - P(alive) >= 0.5 under the BG/NBD model;
-- the value is that probability, to four places.
--
-- P(alive) = 1 / (1 + a / (b + x - 1) * ((alpha + T) / (alpha + tx)) ^ (r + x))
-- with x repeat visits, tx and T the weeks from the first purchase to the last one and to the business date.
-- Under this model a customer leaves only after a repeat purchase, so one-time buyers get no risk.
-- r = 0.243, alpha = 4.414, a = 0.793, b = 2.426 are the published estimates for this log's 1/10 sample up to
-- September 1997: for earlier business dates the parameters, unlike the purchases, know the future.
-- Source: Fader, Hardie and Lee, "Counting Your Customers" the Easy Way, Marketing Science 24(2), 2005; P(alive) in
-- their note Computing P(alive) Using the BG/NBD Model, 2008.
DELETE FROM demo.user_tags
WHERE tag = 'churn_risk'
  AND biz_date = $1::date;

INSERT INTO demo.user_tags (customer_id, tag, biz_date, value)
SELECT c.customer_id, 'churn_risk', $1::date, round(c.risk::numeric, 4)
FROM (
    SELECT w.customer_id,
           1 - 1 / (1 + 0.793 / (2.426 + w.x - 1) * power((4.414 + w.t) / (4.414 + w.tx), 0.243 + w.x)) AS risk
    FROM (
        SELECT h.customer_id,
               (h.days - 1)::float8 AS x,
               (h.last_on - h.first_on) / 7.0::float8 AS tx,
               ($1::date - h.first_on) / 7.0::float8 AS t
        FROM demo.history($1::date) h
        WHERE h.days >= 2
    ) w
) c
WHERE c.risk >= 0.5
ORDER BY c.customer_id;
