"""The raw-variable autoencoder of a teaching notebook, exactly; it knows nothing of the benchmark around it."""
