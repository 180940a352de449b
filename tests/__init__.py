"""The tests mirror the package; `<room>/contract.py` holds what every plug-in of that kind must pass."""
