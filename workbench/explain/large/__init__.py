"""What of a large volume a network is shown, how it is shown it, and what that will take."""
