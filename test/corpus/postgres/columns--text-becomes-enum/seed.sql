INSERT INTO parcels VALUES (1, 'new'), (2, 'sent');
