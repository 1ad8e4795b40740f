"""The arithmetic of one step, counted: its matrix products, and the bytes that Adam has to move."""

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Product:
    """A kind of matrix product in a step at batch 64: (rows, inner) x (inner, columns), and how many there are.

    Those of the same sizes in another order count as of one kind: they have as many operations.
    """

    shape: tuple[int, int, int]
    count: int

    @property
    def flops(self) -> int:
        """Floating-point operations of all of them: a multiplication and an addition for each term."""
        return 2 * math.prod(self.shape) * self.count


# Eleven products: one forward and one for the weights' gradient in each of four layers, and one for the gradient that
# is handed back in all but the first.
PRODUCTS: Mapping[str, Product] = {
    "outer": Product((64, 784, 128), 3),
    "inner": Product((64, 128, 64), 4),
    "outer_weights": Product((784, 64, 128), 2),
    "inner_weights": Product((128, 64, 64), 2),
}
FLOPS = sum(product.flops for product in PRODUCTS.values())

PARAMETERS = 2 * (784 * 128 + 128 * 64) + 128 + 64 + 128 + 784
# What Adam cannot do without, four bytes for each parameter: its gradient written and read; the parameter and both of
# its moments read and written. That forward and backward read the weights too may come out of a cache.
STATE_BYTES = 4 * 8 * PARAMETERS
