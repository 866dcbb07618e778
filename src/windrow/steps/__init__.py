"""The steps of one batch, each on ports alone; `windrow.pipeline` puts them in order."""
