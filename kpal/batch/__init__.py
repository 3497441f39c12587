"""Batches of files: selecting inputs, naming results, converting each file, and reporting the outcome."""
