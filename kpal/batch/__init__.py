"""Many files: which are meant, what their results are called, what is done to each, and what becomes of it."""
