"""Precision: what fewer bits bring, and what they cost."""
