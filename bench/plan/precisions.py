"""In which precision a step computes: the names, what each does to TF32, and what it needs of a GPU."""

DEFAULT = "default"  # float32, with TF32 as TensorFlow and --tf32 have it
FLOAT32 = "float32"  # TF32 off: what the others are held against
TF32 = "tf32"
MIXED_BFLOAT16 = "mixed_bfloat16"
MIXED_FLOAT16 = "mixed_float16"  # with loss scaling
NAMES = (FLOAT32, TF32, MIXED_BFLOAT16, MIXED_FLOAT16)

# The compute capability from which on a GPU has matrix products of that kind (NVIDIA's CUDA C++ Programming Guide,
# "Compute Capabilities": input types of tensor cores).
LEAST_CAPABILITY = {TF32: (8, 0), MIXED_BFLOAT16: (8, 0), MIXED_FLOAT16: (7, 0)}


def is_same_model(precision: str) -> bool:
    """Whether losses have to be those of eager mode; of fewer bits they differ by construction."""
    return precision in (DEFAULT, FLOAT32)


def tf32(precision: str, otherwise: bool | None) -> bool | None:
    """Whether TF32 is on: as the precision says, or as it is `otherwise`; None is TensorFlow's own choice."""
    return otherwise if precision == DEFAULT else precision == TF32
