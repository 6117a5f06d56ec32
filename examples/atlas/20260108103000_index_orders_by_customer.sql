-- atlas:txmode none

-- Create index "orders_customer_id_idx" to table: "orders"
CREATE INDEX CONCURRENTLY "orders_customer_id_idx" ON "orders" ("customer_id");
