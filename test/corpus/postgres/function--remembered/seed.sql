insert into words (word, size) values ('Some', 1), ('more', 2);
