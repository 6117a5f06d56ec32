CREATE TABLE users (id int PRIMARY KEY, name text);
CREATE TABLE logins (id int, who int REFERENCES users);
CREATE VIEW who AS SELECT u.id, u.name, l.id AS login FROM users u JOIN logins l ON l.who = u.id;
