"""Tools that change what the values are."""
