INSERT INTO papers VALUES (1, '[]');
