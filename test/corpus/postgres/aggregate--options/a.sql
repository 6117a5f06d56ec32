create function sf(int,int) returns int language sql immutable return $1+$2;
create aggregate a1(int) (sfunc=sf, stype=int, initcond='0');
