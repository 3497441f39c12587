"""The command `kpal`, which nothing else imports. Each command is one module: `add` its arguments, `run` it."""
