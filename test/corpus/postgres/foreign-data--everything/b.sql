CREATE FOREIGN DATA WRAPPER far OPTIONS (debug 'true');
CREATE SERVER moon VERSION '2' FOREIGN DATA WRAPPER far OPTIONS (port '1', host 'n');
CREATE USER MAPPING FOR PUBLIC SERVER moon OPTIONS (role 'guest');
CREATE FOREIGN TABLE craters (id int OPTIONS (name 'no') NOT NULL, size numeric CHECK (size > 0)) SERVER moon OPTIONS (sheet 'x');
