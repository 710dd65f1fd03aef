CREATE TABLE orders (day Date, customer String, amount Decimal(12, 2)) ENGINE = MergeTree ORDER BY (day, customer);
INSERT INTO orders VALUES ('1997-01-05', 'ann', 700.00), ('1997-01-30', 'ann', 400.00), ('1997-01-31', 'bob', 999.99), ('1997-01-31', 'eve', 5000.00);
CREATE TABLE high_value (day Date, customer String, spent Decimal(12, 2)) ENGINE = MergeTree PARTITION BY day ORDER BY customer;
CREATE TABLE high_value_staging AS high_value ENGINE = MergeTree PARTITION BY day ORDER BY customer
