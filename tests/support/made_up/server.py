"""The real server, whose workers know the experiment."""

import sys

from bench.experiments.registry import EXPERIMENTS
from bench.worker import server
from support.made_up.experiment import REREADS

EXPERIMENTS[REREADS.name] = REREADS
server.main(sys.argv[1:])
