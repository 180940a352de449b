"""Tools that tidy up label maps."""
