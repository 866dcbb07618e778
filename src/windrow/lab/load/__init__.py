"""Load tests: open-loop load on the local stack, sampled each second and audited file by file at the end."""
