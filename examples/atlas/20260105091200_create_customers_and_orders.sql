-- Create "customers" table
CREATE TABLE "customers" ("id" bigint NOT NULL GENERATED ALWAYS AS IDENTITY, "name" text NOT NULL, "email" text NULL, PRIMARY KEY ("id"), CONSTRAINT "customers_email_key" UNIQUE ("email"));
-- Create "orders" table
CREATE TABLE "orders" ("id" bigint NOT NULL GENERATED ALWAYS AS IDENTITY, "customer_id" bigint NOT NULL, "placed_at" timestamptz NOT NULL DEFAULT now(), PRIMARY KEY ("id"), CONSTRAINT "orders_customer_id_fkey" FOREIGN KEY ("customer_id") REFERENCES "customers" ("id") ON UPDATE NO ACTION ON DELETE NO ACTION);
