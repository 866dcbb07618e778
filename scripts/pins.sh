# shellcheck shell=bash disable=SC2034
# The exact version of each optional tool that is built or fetched, here and nowhere else: the scripts beside it read
# it, CI's cache is keyed by it, Renovate moves it. A tool in the cache whose version is another one is made anew.

# MinIO's community edition ended with this commit; its releases are no Go versions, so this names the commit itself.
# renovate: datasource=go depName=github.com/minio/minio
readonly MINIO=v0.0.0-20260212201848-7aac2a2c5b7c
# renovate: datasource=go depName=github.com/versity/versitygw
readonly VERSITYGW=v1.8.0
# Its releases are no Go versions that can be had by name: this is the commit of 4.53.
# renovate: datasource=go depName=github.com/seaweedfs/seaweedfs
readonly SEAWEEDFS=v0.0.0-20261109003541-7506e5f91cd6
# renovate: datasource=go depName=github.com/Shopify/toxiproxy/v2
readonly TOXIPROXY=v2.5.0
# AWS's Lambda runtime interface emulator comes inside this package.
# renovate: datasource=pypi depName=aws-sam-cli
readonly SAM_CLI=1.170.0
# Its sample events are read by tests, as are those of the package above.
# renovate: datasource=go depName=github.com/aws/aws-lambda-go
readonly AWS_LAMBDA_GO=v1.50.0
# renovate: datasource=pypi depName=awslambdaric
readonly RUNTIME_CLIENT=4.2.2
# renovate: datasource=pypi depName=checkov
readonly CHECKOV=3.3.30
# renovate: datasource=pypi depName=parliament
readonly PARLIAMENT=1.6.4
