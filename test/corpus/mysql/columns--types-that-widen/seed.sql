INSERT INTO gauges VALUES (1, -5, 60000, 'twenty', 'five', 1234.56, 1.5, '2024-02-29 12:00:00', 'long');
