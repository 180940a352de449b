"""Residual network for classifying pictures (COVID-19 on CT slices or radiographs)."""
