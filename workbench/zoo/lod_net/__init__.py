"""Segmentation with a branch that learns where the outline runs."""
