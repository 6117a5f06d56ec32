CREATE TABLE invoices (id int PRIMARY KEY, total decimal(10,2) NOT NULL, paid tinyint(1));
