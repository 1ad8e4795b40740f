"""Input pipelines: what each of tf.data costs a step, and what would help."""
