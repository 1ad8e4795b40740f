"""Keras' Adam, whose update every case makes: its constants.

With t = 1, 2, ...: m += (g - m) (1 - BETA_1); v += (g² - v) (1 - BETA_2);
w -= rate sqrt(1 - BETA_2^t) / (1 - BETA_1^t) m / (sqrt(v) + EPSILON), all in float32, the powers too
(keras/src/optimizers/adam.py; Kingma & Ba 2015, end of section 2). PyTorch and Optax add epsilon after the correction
of v instead (docs/experiments/frameworks.md says by how much losses differ).
"""

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
