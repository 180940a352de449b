"""Tools that change where voxels lie."""
