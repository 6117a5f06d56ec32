CREATE TABLE parent (id integer, body text, note text DEFAULT 'n');
CREATE TABLE other (body text);
