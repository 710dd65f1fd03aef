-- A warehouse in miniature, to try the DAGs on: a tag is a query for customers
-- as of a day ($1) in a region ($2, null for all).
CREATE SCHEMA tags;

CREATE TABLE tags.orders (customer bigint, region text, ordered_on date, amount numeric);
INSERT INTO tags.orders
SELECT c, CASE WHEN c % 3 = 0 THEN 'north' ELSE 'south' END, date '2026-10-01' + c / 10 + n * 3, 30 + (c * 7 + n * 13) % 80
  FROM generate_series(1, 500) c, generate_series(0, 3) n;

CREATE TABLE tags.definitions (tag text PRIMARY KEY, customers text NOT NULL);
INSERT INTO tags.definitions VALUES
    ('high_value',   'SELECT customer FROM tags.orders WHERE ordered_on <= $1 AND region = coalesce($2, region) GROUP BY customer HAVING sum(amount) > 200'),
    ('churn_risk',   'SELECT customer FROM tags.orders WHERE ordered_on <= $1 AND region = coalesce($2, region) GROUP BY customer HAVING max(ordered_on) < $1 - 10'),
    ('new_customer', 'SELECT customer FROM tags.orders WHERE ordered_on <= $1 AND region = coalesce($2, region) GROUP BY customer HAVING min(ordered_on) > $1 - 10');

CREATE TABLE tags.members (tag text, biz_date date, region text, customer bigint);

-- Delete, then insert, in one transaction: running it again gives the same rows.
CREATE PROCEDURE tags.refresh(of_tag text, day date, of_region text DEFAULT NULL)
LANGUAGE plpgsql AS $$
DECLARE
    query text;
BEGIN
    SELECT customers INTO STRICT query FROM tags.definitions WHERE tag = of_tag;
    DELETE FROM tags.members WHERE tag = of_tag AND biz_date = day AND region IS NOT DISTINCT FROM of_region;
    EXECUTE 'INSERT INTO tags.members SELECT $3, $1, $2, customer FROM (' || query || ') q' USING day, of_region, of_tag;
END
$$;
