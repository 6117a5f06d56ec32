INSERT INTO "select" ("from", "a b") VALUES (1, 'x');
