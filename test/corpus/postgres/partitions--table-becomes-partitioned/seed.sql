INSERT INTO orders (at, total) VALUES ('2024-01-01', 5), ('2025-06-01', 6), ('2025-07-01', 7);
