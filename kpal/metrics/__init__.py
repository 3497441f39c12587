"""Error metrics of a result against the original, and the report of an encode."""
