"""HTML pages: charts as inline SVG, in one document that loads nothing else."""
