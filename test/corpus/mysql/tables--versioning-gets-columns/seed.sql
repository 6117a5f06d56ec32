INSERT INTO prices VALUES (1, 100), (2, 200); UPDATE prices SET cents = cents + 1;
INSERT INTO rates (id, rate) VALUES (1, 100), (2, 200); UPDATE rates SET rate = rate + 1;
INSERT INTO seats (id, row_no) VALUES (1, 1), (2, 2); UPDATE seats SET row_no = row_no + 1;
