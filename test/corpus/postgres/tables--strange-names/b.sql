CREATE SCHEMA "my schema";
CREATE TABLE "my schema"."a ""quoted"" table" ("select" bigint NOT NULL, "emoji 🐘" text COLLATE "C", "user" serial);
ALTER TABLE "my schema"."a ""quoted"" table" ADD CONSTRAINT "a ""check""" CHECK ("select" > 0), ADD UNIQUE ("emoji 🐘");
CREATE INDEX "an index; drop" ON "my schema"."a ""quoted"" table" ("emoji 🐘", "select" DESC);
CREATE TABLE a23456789012345678901234567890123456789012345678901234567890123 (b23456789012345678901234567890123456789012345678901234567890123 int UNIQUE NOT NULL);
