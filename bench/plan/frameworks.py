"""The frameworks in which the step is measured: their names in a case, and in a sentence."""

from collections.abc import Mapping

TENSORFLOW = "tensorflow"  # whose losses in eager mode all others are held against
JAX = "jax"
TORCH = "torch"

TITLES: Mapping[str, str] = {TENSORFLOW: "TensorFlow", JAX: "JAX", TORCH: "PyTorch"}

# Modes of them in which the framework's own Adam makes the update. Keras adds epsilon to the root of the second moment,
# these after its correction (torch/optim/adam.py, optax/_src/transform.py): another update, and so another model.
OTHER_UPDATES = ("jit-optax", "eager-built-in-adam")
