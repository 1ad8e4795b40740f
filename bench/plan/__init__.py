"""What can be measured and how much of it, as data."""
