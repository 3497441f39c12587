"""How far a result is from the original: scores, and the report of an encode."""
