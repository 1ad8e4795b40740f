"""A run, from its options to its folder: what comes before measuring, and what is made of it."""
