CREATE TABLE orders (day date, customer varchar, amount decimal(12, 2));
INSERT INTO orders VALUES (date '1997-01-05', 'ann', 700.00), (date '1997-01-30', 'ann', 400.00), (date '1997-01-31', 'bob', 999.99), (date '1997-01-31', 'eve', 5000.00);
CREATE TABLE high_value (day date, customer varchar, spent decimal(38, 2))
