INSERT INTO "my schema"."a ""quoted"" table" VALUES (1, 'x');
