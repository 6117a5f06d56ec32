CREATE TABLE invoices (number varchar(20) NOT NULL DEFAULT '', id int PRIMARY KEY, due date, total decimal(10,2) NOT NULL, currency char(3) NOT NULL DEFAULT 'EUR', paid tinyint(1), note text);
