insert into t values (1, 'x', 'y'); insert into p values ('a', 1);
