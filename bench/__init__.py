"""Benchmarks: each module is a program (`python -m bench.aggregate --help`); figures in `docs/performance.md`."""
