"""The machine that is measured on: what it is, what it does meanwhile, and what its driver tells."""
