CREATE TABLE orders (user_id BIGINT, amount DECIMAL(12,2), day DATE) USING parquet;
INSERT INTO orders VALUES (1, 900.00, DATE'2026-11-20'), (1, 250.50, DATE'2026-11-21'), (2, 12.00, DATE'2026-11-21'), (3, 4000.00, DATE'2026-11-22');
CREATE TABLE user_tags (user_id BIGINT, biz_date DATE, tag STRING) USING parquet PARTITIONED BY (biz_date, tag);
