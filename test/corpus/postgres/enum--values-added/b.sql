create type e as enum ('a','b','c','d','e');
