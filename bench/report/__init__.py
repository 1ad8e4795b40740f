"""Reports: one page about a run, or about many, that needs nothing but a browser."""
