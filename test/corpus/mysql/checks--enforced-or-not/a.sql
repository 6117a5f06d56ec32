CREATE TABLE stock (id int PRIMARY KEY, n int CHECK (n >= 0) NOT ENFORCED, m int, CONSTRAINT m_up CHECK (m > 0), CONSTRAINT pair CHECK (n < m) NOT ENFORCED, CONSTRAINT both_ways CHECK (n <> 5));
