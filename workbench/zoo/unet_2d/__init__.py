"""U-Net for pictures, as used for lungs on CT slices."""
