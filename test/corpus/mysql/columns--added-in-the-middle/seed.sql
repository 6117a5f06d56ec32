INSERT INTO invoices VALUES (1, 10.50, 1), (2, 3.25, NULL);
