"""Reading what TensorFlow says of its devices; the descriptions are as TensorFlow 2.21 writes them."""

import pytest

from bench.measure import device


@pytest.mark.parametrize(
    ("description", "bus_id"),
    [
        (
            "device: 0, name: NVIDIA A100-SXM4-40GB, pci bus id: 0000:41:00.0, compute capability: 8.0",
            "0000:41:00.0",
        ),
        ("device: 1, name: Tesla T4, pci bus id: 0000:00:1E.0, compute capability: 7.5", "0000:00:1E.0"),
        ("device: XLA_GPU device", None),
        ("", None),
    ],
)
def test_the_address_is_read_from_tensorflows_description(description, bus_id):
    assert device.pci_bus_id(description) == bus_id
