INSERT INTO account VALUES (1, 'a@b', 'A', 3); INSERT INTO post VALUES (5, 1, 'T', 'B'); DELETE FROM account WHERE id = 99;
