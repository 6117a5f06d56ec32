insert into t values ('a=>1', array['b=>2'::hstore]);
insert into holder values ('c=>3', row('d', 'e=>4'));
