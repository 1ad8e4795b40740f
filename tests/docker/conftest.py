"""What the tests of images and workflows share with those of the benchmark."""

import sys
from pathlib import Path

# For documents.py, results with a known truth.
sys.path.insert(0, str(Path(__file__).parents[1] / "bench"))
