CREATE TABLE orders (day DATE, customer VARCHAR, amount DECIMAL(12, 2));
INSERT INTO orders VALUES ('1997-01-05', 'ann', 700.00), ('1997-01-30', 'ann', 400.00), ('1997-01-31', 'bob', 999.99), ('1997-01-31', 'eve', 5000.00);
CREATE TABLE high_value (day DATE, customer VARCHAR, spent DECIMAL(12, 2))
