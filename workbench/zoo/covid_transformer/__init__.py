"""Vision transformer for classifying pictures (COVID-19 on CT slices)."""
