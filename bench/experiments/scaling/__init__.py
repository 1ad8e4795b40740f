"""Scaling: what further devices bring, in one process and in several."""
