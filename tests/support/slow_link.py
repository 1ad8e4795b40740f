"""Two network namespaces joined by a link with a delay: python -m support.slow_link NAMESPACE NAMESPACE SECONDS.

The kernel's own netem does this too, where its module is there. Here a process carries the packets from one TUN device
to the other (Linux, Documentation/networking/tuntap.rst), each after its delay, until it is ended.
"""

import ctypes
import fcntl
import os
import select
import struct
import subprocess
import sys
import time
from collections import deque

HOSTS = ("10.213.7.1", "10.213.7.2")
_DEVICE = "slow0"
_LARGEST = 65_000  # bytes in a packet: fewer of them for as much
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x0001, 0x1000  # <linux/if_tun.h>
_CLONE_NEWNET = 0x40000000  # <linux/sched.h>


def make(names):
    """The namespaces, each with a device that has an address. Raises CalledProcessError where that is not allowed."""
    for name, host in zip(names, HOSTS, strict=True):
        for words in (
            ("netns", "add", name),
            ("-n", name, "link", "set", "lo", "up"),
            ("-n", name, "tuntap", "add", "dev", _DEVICE, "mode", "tun"),
            ("-n", name, "addr", "add", f"{host}/24", "dev", _DEVICE),
            ("-n", name, "link", "set", _DEVICE, "mtu", str(_LARGEST), "up"),
        ):
            subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def remove(names):
    """As far as they are there."""
    for name in names:
        subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def _open(name):
    """The device of a namespace, from which packets are read and to which they are written."""
    with open(f"/run/netns/{name}") as namespace:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(namespace.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {name}")
    descriptor = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", _DEVICE.encode(), _IFF_TUN | _IFF_NO_PI))
    return descriptor


def carry(names, delay):
    """Packets from either device to the other, each `delay` seconds after it came."""
    ends = [_open(name) for name in names]
    print("ready", flush=True)
    under_way = deque()
    while True:
        left = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        for end in select.select(ends, [], [], left)[0]:
            other = ends[1 - ends.index(end)]
            under_way.append((time.monotonic() + delay, other, os.read(end, 2 * _LARGEST)))
        while under_way and under_way[0][0] <= time.monotonic():
            _, end, packet = under_way.popleft()
            os.write(end, packet)


if __name__ == "__main__":
    carry(sys.argv[1:3], float(sys.argv[3]))
