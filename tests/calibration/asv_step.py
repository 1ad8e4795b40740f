"""asv's view of the step; EVERY says which is executed twice. Copied into a project of asv's by peers.py."""

import os
import sys

sys.path.insert(0, os.environ["CALIBRATION"])


class Step:
    """asv times twenty steps as one call: a call holds one that is executed twice, or none."""

    timeout = 300

    def setup(self):
        import step

        self.run = step.build(int(os.environ["EVERY"]))

    def time_twenty_steps(self):
        self.run(20)
