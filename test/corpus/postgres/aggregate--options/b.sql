create function sf(int,int) returns int language sql immutable return $1+$2;
create aggregate a1(int) (sfunc=sf, stype=int, initcond='1', combinefunc=sf, parallel=safe);
create aggregate a2(*) (sfunc=int8inc, stype=int8, initcond='0');
create aggregate a3(float8 order by anyelement) (sfunc=ordered_set_transition, stype=internal, finalfunc=percentile_disc_final, finalfunc_extra);
comment on aggregate a1(int) is 'agg';
grant execute on function a1 to public;
create aggregate a4(int) (sfunc=sf, stype=int, msfunc=sf, minvfunc=sf, mstype=int, initcond='0', minitcond='0', sortop = operator(pg_catalog.<));
create view v as select a1(x) from (values (1)) t(x);
