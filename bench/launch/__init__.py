"""Processes: starting servers, workers and ranks, on this host and on others, and asking them."""
