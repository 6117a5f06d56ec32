INSERT INTO boxes SELECT i, 'b' FROM generate_series(1, 9) i;
