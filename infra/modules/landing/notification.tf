# The bucket's only notification: S3 keeps one configuration a bucket, and a second resource would replace this one.
resource "aws_s3_bucket_notification" "this" {
  bucket = module.bucket.id

  queue {
    id        = "new-objects"
    queue_arn = var.queue_arn
    # "*": by a put, a post, a copy or a multipart upload.
    events = ["s3:ObjectCreated:*"]
  }
}
