CREATE TABLE words (id int PRIMARY KEY, a varchar(20), b varchar(20) CHARACTER SET latin1, c text COLLATE utf8mb4_bin, e enum('x','y')) DEFAULT CHARSET=utf8mb4;
