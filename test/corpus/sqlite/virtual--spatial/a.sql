CREATE VIRTUAL TABLE box USING rtree(id, x0, x1);
