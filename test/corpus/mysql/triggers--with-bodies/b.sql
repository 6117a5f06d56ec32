CREATE TABLE t (id int, a int, stamp datetime);
CREATE TABLE log (id int AUTO_INCREMENT PRIMARY KEY, what text);
DELIMITER //
CREATE TRIGGER busy AFTER UPDATE ON t FOR EACH ROW
BEGIN
  DECLARE n int DEFAULT 0;
  IF NEW.a <> OLD.a THEN
    INSERT INTO log (what) VALUES (concat('a: ', OLD.a, ' -> ', NEW.a, '; $$'));
  END IF;
  SET n = n + 1;
END//
DELIMITER ;
SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT';
CREATE TRIGGER "odd mode" BEFORE INSERT ON "t" FOR EACH ROW SET NEW."stamp" = '2020-01-01' || ' 10:00:00';
