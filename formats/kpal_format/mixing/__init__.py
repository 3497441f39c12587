"""The model of the coders `mix` and `max` (KPAL.md, section 5.2), stage by stage: see README.md.

`kpal_format.kernel` is what others import: these stages in one compiled module, or these modules as they are.
"""
