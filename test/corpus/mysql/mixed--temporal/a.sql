CREATE TABLE e (a timestamp NOT NULL DEFAULT current_timestamp(), b timestamp NULL DEFAULT NULL ON UPDATE current_timestamp(), c datetime(3) DEFAULT now(3));
