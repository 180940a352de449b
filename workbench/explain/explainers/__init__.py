"""The methods that are built in: every `Explainer` that a module of this folder defines is found."""
