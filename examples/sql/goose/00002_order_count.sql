-- +goose Up
ALTER TABLE customers ADD COLUMN order_count int NOT NULL DEFAULT 0;

-- +goose StatementBegin
CREATE FUNCTION count_order() RETURNS trigger AS $$
BEGIN
    UPDATE customers SET order_count = order_count + 1 WHERE id = NEW.customer_id;
    RETURN NEW;
END
$$ LANGUAGE plpgsql
-- +goose StatementEnd

CREATE TRIGGER orders_count AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION count_order();

-- +goose Down
DROP TRIGGER orders_count ON orders;
DROP FUNCTION count_order();
ALTER TABLE customers DROP COLUMN order_count;
