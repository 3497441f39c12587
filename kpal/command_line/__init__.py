"""The command `kpal`, one module a command. Nothing imports it."""
