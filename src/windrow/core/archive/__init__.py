"""Archive format ``windrow/1``: a ``.tar.gz`` that every reader reads, and of which single files can be read by range.

`writer` builds archives, `reader` reads them by ranges, `verify` checks them whole. `tar` and `member` define the bytes
of the two formats, `segments` and `blocks` make the deflate segments that one gzip member is put together from, and
`inflate` reads them. The format is described byte for byte in ``docs/archive-format.md``.
"""
