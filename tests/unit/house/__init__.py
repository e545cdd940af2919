"""The house keeps its own rules: sizes, names, documentation, contracts. Fast enough for `./dev check`."""
