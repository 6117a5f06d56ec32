create type e as enum ('b','d');
