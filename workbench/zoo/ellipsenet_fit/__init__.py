"""EllipseNet-Fit: a U-Net whose masks are turned into ellipses."""
