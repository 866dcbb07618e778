"""The local stack's sentinel, in place of EventBridge Scheduler: ``python -m windrow.lab.stack.sentinel SECONDS``."""

from __future__ import annotations

import logging
import os
import sys
import time

from windrow import bootstrap, settings
from windrow.core.errors import WindrowError
from windrow.functions.sentinel import NEEDS


def run(interval_s: float) -> None:
    """Probe each ``interval_s`` seconds, for ever; errors are logged, and the next run tries again.

    A failed probe counts two thirds of the interval after the last one, as with a minute on AWS.
    """
    sentinel = bootstrap.sentinel(settings.load(os.environ, needs=NEEDS), min_interval_s=int(interval_s * 2 / 3))
    while True:
        next_at = time.monotonic() + interval_s
        try:
            sentinel.run()
        except WindrowError:
            logging.getLogger(__name__).exception("the sentinel failed")
        time.sleep(max(0.0, next_at - time.monotonic()))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    run(float(sys.argv[1]))
