CREATE TABLE stock (id int PRIMARY KEY, n int CHECK (n >= 0), m int, CONSTRAINT m_up CHECK (m > 0) NOT ENFORCED, CONSTRAINT pair CHECK (n < m + 1) NOT ENFORCED, CONSTRAINT both_ways CHECK (n <> 6));
