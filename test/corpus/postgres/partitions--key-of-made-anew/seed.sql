INSERT INTO sales VALUES ('north', 1), ('south', 2), ('south', 3); INSERT INTO parcels SELECT i, 'n' FROM generate_series(1, 9) i;
