"""The experiments: a folder for each question, and what all of them have in common."""
