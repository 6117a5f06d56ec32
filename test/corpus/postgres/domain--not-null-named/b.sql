CREATE DOMAIN given AS integer CONSTRAINT "by name" NOT NULL;
CREATE DOMAIN free AS integer CONSTRAINT own NOT NULL;
CREATE DOMAIN a_domain_whose_name_is_nearly_as_long_as_a_name_can_be_at_all AS text CONSTRAINT short NOT NULL;
CREATE TABLE uses (one given, other free, long a_domain_whose_name_is_nearly_as_long_as_a_name_can_be_at_all);
COMMENT ON CONSTRAINT own ON DOMAIN free IS 'no way';
