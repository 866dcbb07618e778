"""A pipe of standard tools: s5cmd fetches all files into a folder, tar and gzip pack them, s5cmd uploads.

The fastest that a shell script does; it keeps no state and would deliver twice or never after any fault.
"""

from __future__ import annotations

import os
import subprocess
import tempfile

from bench.meter import Figures, Meter, Who
from bench.peers.programs import S5CMD
from bench.task import Task
from bench.testbed import ACCESS_KEY, SECRET_KEY

_SCRIPT = """\
set -eu -o pipefail
"$S5CMD" --log error cp "s3://$LANDING/$FOLDER/*" files/
tar --create --file=- --directory=files . | gzip "-$LEVEL" | "$S5CMD" --log error pipe "s3://$TARGET"
"""


def contend(task: Task) -> Figures:
    """Aggregate the task's files, which must be all that is in their folder."""
    program = S5CMD.find()
    if program is None:
        raise SystemExit("s5cmd was not built")
    environment = {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": "us-east-1",
        "S3_ENDPOINT_URL": task.s3_endpoint,
        "S5CMD": str(program),
        "LANDING": task.landing,
        "FOLDER": task.files[0].key.rpartition("/")[0],
        "TARGET": f"{task.destination}/{task.prefix}/shell.tar.gz",
        "LEVEL": str(task.level),
    }
    with (
        tempfile.TemporaryDirectory(prefix="windrow-bench-") as folder,
        Meter(task.s3_endpoint, Who.CHILDREN) as meter,
    ):
        subprocess.run(["bash", "-c", _SCRIPT], cwd=folder, env=environment, check=True)
    return meter.figures
