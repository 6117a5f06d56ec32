insert into c values (1, 'c', 2, 3); insert into d values (1, 'd'); insert into f values (1, 'f', 2);
