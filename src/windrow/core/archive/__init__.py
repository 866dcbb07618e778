"""Archive format ``windrow/1``: a ``.tar.gz`` that every reader reads, and that can be read by ranges.

`writer` builds archives, `reader` reads them by ranges, `verify` checks them whole. Underneath: `tar` and `member` hold
the bytes of the two formats, `segments` and `blocks` make the deflate that one gzip member can be put together from,
`inflate` reads it. The format is described byte for byte in ``docs/archive-format.md``.
"""
