INSERT INTO jobs VALUES (1, 'done', 'a,b');
