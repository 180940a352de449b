"""DETR: boxes as a set, each query of a transformer answering with one."""
