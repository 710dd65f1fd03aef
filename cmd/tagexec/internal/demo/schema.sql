CREATE SCHEMA demo;
COMMENT ON SCHEMA demo IS 'Sample warehouse of tagexec demo: the CDNOW purchase log and the customer tags computed from it';

CREATE TABLE demo.purchases (
    customer_id  integer        NOT NULL,
    purchased_on date           NOT NULL,
    cds          integer        NOT NULL,
    dollars      numeric(10, 2) NOT NULL
);
COMMENT ON TABLE demo.purchases IS 'CDNOW purchase log (Fader and Hardie 2001): one row per order. No key: a customer may order twice on a day, even the same';
COMMENT ON COLUMN demo.purchases.customer_id IS 'Customer, numbered 1 to 23570';
COMMENT ON COLUMN demo.purchases.purchased_on IS 'Day of the order';
COMMENT ON COLUMN demo.purchases.cds IS 'Number of CDs ordered';
COMMENT ON COLUMN demo.purchases.dollars IS 'Value of the order in US dollars; 0.00 occurs';

CREATE TABLE demo.tags (
    tag        text COLLATE "C" PRIMARY KEY,
    definition text NOT NULL,
    everyone   boolean NOT NULL GENERATED ALWAYS AS (definition LIKE 'every customer;%') STORED
);
COMMENT ON TABLE demo.tags IS 'Catalogue of the customer tags, so that a tag nobody has is still reported';
COMMENT ON COLUMN demo.tags.tag IS 'Name of the tag';
COMMENT ON COLUMN demo.tags.definition IS 'Who gets the tag, and what its value is';
COMMENT ON COLUMN demo.tags.everyone IS 'Whether every customer has the tag, which then is a measure and not a segment';

-- COLLATE "C": the key is compared for every row inserted, and a language's rules would cost more than the rest of it.
-- UNLOGGED: two million rows that a rerun of the jobs brings back need no write-ahead log.
CREATE UNLOGGED TABLE demo.user_tags (
    customer_id integer          NOT NULL,
    tag         text COLLATE "C" NOT NULL,
    biz_date    date             NOT NULL,
    value       numeric          NOT NULL,
    PRIMARY KEY (biz_date, tag, customer_id)
);
COMMENT ON TABLE demo.user_tags IS 'What the tag jobs write: who has a tag on a business date, seen with the purchases up to that date only';
COMMENT ON COLUMN demo.user_tags.customer_id IS 'Customer who has the tag';
COMMENT ON COLUMN demo.user_tags.tag IS 'Name of the tag, see demo.tags';
COMMENT ON COLUMN demo.user_tags.biz_date IS 'Business date the tag was computed for';
COMMENT ON COLUMN demo.user_tags.value IS 'The tag''s score or measurement; demo.tags.definition says which';

CREATE TABLE demo.tag_counts (
    biz_date  date             NOT NULL,
    tag       text COLLATE "C" NOT NULL,
    customers integer,
    entered   integer,
    departed  integer,
    PRIMARY KEY (biz_date, tag)
);
COMMENT ON TABLE demo.tag_counts IS 'Size and movement of each tag per business date. Two jobs write each row, which is why they share a mutex key';
COMMENT ON COLUMN demo.tag_counts.biz_date IS 'Business date';
COMMENT ON COLUMN demo.tag_counts.tag IS 'Name of the tag';
COMMENT ON COLUMN demo.tag_counts.customers IS 'Customers who have the tag (job customers_per_tag); null until counted';
COMMENT ON COLUMN demo.tag_counts.entered IS 'Customers who have it now and had it not at the previous month end (job tag_movement); null until counted, and for measures';
COMMENT ON COLUMN demo.tag_counts.departed IS 'Customers who had it at the previous month end and have it no more (job tag_movement); null until counted, and for measures';

-- Both functions are one SELECT, STABLE and not STRICT, so that the planner inlines them and leaves out the
-- aggregates and window functions whose column the caller does not read.
CREATE FUNCTION demo.history(biz_date date)
RETURNS TABLE (
    customer_id integer,
    first_on    date,
    last_on     date,
    days        bigint,
    orders      bigint,
    dollars     numeric
)
LANGUAGE sql
STABLE
PARALLEL SAFE
AS $$
    SELECT p.customer_id,
           min(p.purchased_on),
           max(p.purchased_on),
           count(DISTINCT p.purchased_on),
           count(*),
           sum(p.dollars)
    FROM demo.purchases p
    WHERE p.purchased_on <= $1
    GROUP BY p.customer_id
$$;
COMMENT ON FUNCTION demo.history(date) IS
    'One row per customer with a purchase on or before the date: first and last day of purchase, number of days with a purchase, orders, dollars';

CREATE FUNCTION demo.rfm(biz_date date)
RETURNS TABLE (
    customer_id integer,
    last_on     date,
    days        bigint,
    dollars     numeric,
    r           integer,
    f           integer,
    m           integer
)
LANGUAGE sql
STABLE
PARALLEL SAFE
AS $$
    SELECT h.customer_id,
           h.last_on,
           h.days,
           h.dollars,
           ntile(5) OVER (ORDER BY h.last_on, h.days, h.dollars, h.customer_id),
           ntile(5) OVER (ORDER BY h.days, h.last_on, h.dollars, h.customer_id),
           ntile(5) OVER (ORDER BY h.dollars, h.last_on, h.days, h.customer_id)
    FROM demo.history($1) h
$$;
COMMENT ON FUNCTION demo.rfm(date) IS
    'RFM scores (Hughes 1994) at the end of the date: quintiles of recency (r: last day of purchase), frequency (f: days with a purchase) and monetary value (m: dollars), 5 is best. Ties are broken by the other two measures, then by customer_id, so that a rerun gives the same tags';
