"""The model of the coder `fast` (KPAL.md, section 5.3); README.md explains it.

`kernel` is its compiled form, or imports the same stages as plain Python.
"""
