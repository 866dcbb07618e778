"""One batch: its steps, each on ports alone, and `windrow.pipeline.aggregator`, which puts them in order."""
