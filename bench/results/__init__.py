"""The record of a run: its types, its file, its statistics."""
