"""Tools for the colours of pictures."""
