INSERT INTO note_data VALUES (1, 'a'); INSERT INTO new_note VALUES ('kept');
INSERT INTO config VALUES (1, 'b'); INSERT INTO new VALUES ('kept');
