"""Finds lesions by what has to change in a picture for it to look normal."""
