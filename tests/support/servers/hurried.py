"""The real server, which tries the limits of the device for a moment only."""

import sys

from bench.experiments.roofline import worker
from bench.worker import server

worker._TRIES_SECONDS = 0.01
worker._CALL_SECONDS = 0.001
worker._LAUNCHES = 50
worker._ROUNDS = 2
worker.LARGE["cpu"] = 256
worker.LARGE_COPY_BYTES["cpu"] = 2**20

if __name__ == "__main__":
    server.main(sys.argv[1:])
