"""The data sets that are built in: what a module of this folder calls `entries` stands in the catalogue."""
