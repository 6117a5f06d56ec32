CREATE TABLE users (ID int PRIMARY KEY, UserName varchar(50), KEY Idx_Name (UserName));
