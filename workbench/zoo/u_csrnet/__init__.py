"""Cell detection, classification and counting from maps of points."""
