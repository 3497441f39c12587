"""k-means on weighted points of an integer lattice, and the search for nearest points that it and remapping share."""
