"""U-Net for volumes."""
