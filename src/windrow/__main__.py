"""``python -m windrow`` is ``windrow``, where the script is not on PATH."""

from windrow.cli import main

main()
