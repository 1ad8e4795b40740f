"""Statistics of samples: numbers only, nothing of files, cases or machines."""
