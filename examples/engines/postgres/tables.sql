CREATE TABLE orders (day date, customer text, amount numeric(12, 2));
INSERT INTO orders VALUES ('1997-01-05', 'ann', 700.00), ('1997-01-30', 'ann', 400.00), ('1997-01-31', 'bob', 999.99), ('1997-01-31', 'eve', 5000.00);
CREATE TABLE user_tags (tag text, day date, customer text, PRIMARY KEY (tag, day, customer));
