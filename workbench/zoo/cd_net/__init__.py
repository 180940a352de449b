"""Centripetal direction network for telling apart nuclei that touch."""
