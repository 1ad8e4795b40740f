"""What is proved inside our image: `docker/check` runs these there, and elsewhere they skip."""

import pytest

from bench.machine import container


@pytest.fixture(autouse=True)
def in_our_image():
    try:
        container.build_id()
    except FileNotFoundError:
        pytest.skip("this is not inside the image: docker/check")
