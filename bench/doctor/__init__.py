"""Is everything there that measuring needs? Each room of checks is a file; `doctor.examine` visits them all."""
