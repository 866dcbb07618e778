"""What others would use for the same work: the naive handler, Bento, and a pipe of s5cmd, tar and gzip."""
