CREATE VIRTUAL TABLE box USING rtree(id, x0, x1, y0, y1);
