CREATE TABLE rooms (id int, floor int, open_at int, close_at int, code text);
CREATE TABLE beds (id int, room int);
