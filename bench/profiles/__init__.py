"""Traces: read back, and shown."""
