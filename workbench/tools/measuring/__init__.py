"""Tools that measure what lies in an image."""
