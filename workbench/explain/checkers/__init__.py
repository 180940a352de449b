"""The checks of explanations that are built in, one question a file; they are found by looking here."""
