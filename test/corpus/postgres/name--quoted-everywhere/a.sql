do $$ begin create role r1; exception when duplicate_object or unique_violation then null; end $$;
create schema "My Schema";
create table "My Schema"."T ab" ("C ol" int, "select" text);
create view "My Schema"."V""x" as select "C ol" from "My Schema"."T ab";
create function "My Schema"."F n"("A b" int) returns int language sql return 1;
