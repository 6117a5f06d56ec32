CREATE TYPE "public"."order_status" AS ENUM('open', 'paid', 'sent');--> statement-breakpoint
ALTER TABLE "orders" ADD COLUMN "status" "order_status" DEFAULT 'open' NOT NULL;--> statement-breakpoint
CREATE INDEX "orders_customer_id_index" ON "orders" USING btree ("customer_id");
