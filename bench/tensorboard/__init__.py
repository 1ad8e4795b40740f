"""A run's logdir: what TensorBoard shows of each case beside its profile, and the server."""
