"""The same numbers sooner: nothing is computed that nobody reads."""
