"""Hand the notebook's ConfigProto to TensorFlow 2, and print which of its options are applied."""

import tensorflow as tf
from tensorflow.python.eager import context

config = tf.compat.v1.ConfigProto()
config.gpu_options.allow_growth = True
config.gpu_options.per_process_gpu_memory_fraction = 0.9
tf.compat.v1.enable_eager_execution(config=config)
tf.constant(1.0)  # starts TensorFlow's context

for name, options in (("requested", config.gpu_options), ("applied", context.context().config.gpu_options)):
    print(f"{name}: growth {options.allow_growth}, fraction {options.per_process_gpu_memory_fraction}")
