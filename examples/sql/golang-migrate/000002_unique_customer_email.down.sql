drop index concurrently if exists customers_email_key;
