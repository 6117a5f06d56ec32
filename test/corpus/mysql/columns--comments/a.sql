CREATE TABLE notes (id int PRIMARY KEY COMMENT 'one', a int COMMENT 'quote '' and \\ back', b int) COMMENT 'whole';
