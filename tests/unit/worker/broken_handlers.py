"""A module that can't be imported."""

raise RuntimeError("broken at import")
