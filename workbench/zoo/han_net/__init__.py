"""Hybrid-attention nested U-Net for telling apart nuclei."""
