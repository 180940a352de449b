"""CenterNet: boxes as points, for nodules on CT slices."""
