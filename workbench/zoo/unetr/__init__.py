"""U-Net for volumes whose encoder is a vision transformer."""
