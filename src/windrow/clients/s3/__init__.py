"""Amazon S3: landing buckets, their listings and inventories, raw files, and copies of archives."""
