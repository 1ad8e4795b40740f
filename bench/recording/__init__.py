"""The growing record of a run, and what becomes of it: a result file in a folder of its own."""
