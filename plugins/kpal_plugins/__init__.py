"""Hosts that open the `.kpal` format, one module each."""
