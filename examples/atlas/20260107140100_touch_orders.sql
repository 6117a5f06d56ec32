-- atlas:delimiter \n--\n

CREATE FUNCTION touch_orders() RETURNS trigger LANGUAGE plpgsql AS 'begin new.placed_at := now(); return new; end'
--
CREATE TRIGGER touch_orders BEFORE UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION touch_orders()
--
