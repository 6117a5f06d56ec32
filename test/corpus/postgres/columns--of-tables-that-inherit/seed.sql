INSERT INTO beings VALUES ('a'); INSERT INTO dogs VALUES ('b', now(), 'woof'); INSERT INTO puppies VALUES ('c', now(), 'wuff', 3);
