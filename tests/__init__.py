"""The tests mirror the package; what every plug-in of a kind must pass lies in `workbench/testing/`."""
