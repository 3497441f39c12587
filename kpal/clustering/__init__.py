"""k-means on weighted points of an integer lattice, and the nearest-centre search that k-means and remapping share."""
