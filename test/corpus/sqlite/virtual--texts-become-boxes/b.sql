CREATE VIRTUAL TABLE spot USING rtree(id, x0, x1, +note);
