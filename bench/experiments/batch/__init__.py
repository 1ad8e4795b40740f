"""Batch size: how the cost of a step grows with its batch."""
