"""One module an outside system, each implementing a port of `windrow.ports`. None opens a connection at import."""
