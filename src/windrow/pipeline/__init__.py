"""The steps of one batch, which use ports only, and `windrow.pipeline.aggregator`, which calls them in order."""
