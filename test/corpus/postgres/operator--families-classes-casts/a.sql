create function eqf(text,int) returns bool language sql immutable return true;
create function eqg(int,text) returns bool language sql immutable return true;
