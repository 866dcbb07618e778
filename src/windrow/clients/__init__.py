"""A folder for each outside system, and beside them what all share. They implement ports; none connects at import."""
