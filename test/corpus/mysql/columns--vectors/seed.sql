INSERT INTO items VALUES (1, to_vector('[1,2,3]'), to_vector('[1]'));
