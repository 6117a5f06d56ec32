CREATE TABLE notes (id int PRIMARY KEY, a int COMMENT 'line
break; -- no comment', b int COMMENT 'ünïcode 🚀 `tick` "double"') COMMENT 'it''s, (new)=1';
