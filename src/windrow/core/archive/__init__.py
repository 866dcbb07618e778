"""Archive format ``windrow/1``: a valid ``.tar.gz`` of concatenated gzip members that can be read by ranges.

`writer` builds archives, `reader` reads them by ranges, `verify` checks them whole, `tar` and `members` hold the bytes
of the two formats underneath. The format is described byte for byte in ``docs/archive-format.md``.
"""
