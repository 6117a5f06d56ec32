INSERT INTO notes_1 VALUES (1,' A '); INSERT INTO notes VALUES (11,' B');
SELECT count(*) FROM notes_1 WHERE tidy(note) = 'a'; SELECT count(*) FROM notes WHERE tidy(note) = 'a';
