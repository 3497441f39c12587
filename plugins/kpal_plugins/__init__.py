"""Plugins for programs that open the `.kpal` format, one module for each host."""
