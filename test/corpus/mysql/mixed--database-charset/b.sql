SET @s = concat('ALTER DATABASE `', database(), '` CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci'); PREPARE p FROM @s; EXECUTE p;
CREATE TABLE a (t varchar(10));
CREATE TABLE c (t varchar(10)) CHARSET latin1;
