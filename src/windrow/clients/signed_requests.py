"""Signs and sends a request over the connections of a boto3 client, bypassing the rest of boto3.

boto3 takes longer to validate, serialise, route and parse a request of a few fields than to send it. Endpoint,
timeouts, proxies, certificates, credentials and errors are the same as for all the client's other operations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSPreparedRequest, AWSRequest, AWSResponse
from botocore.exceptions import ClientError

from windrow.clients.answers import REFUSED_STATUS, error_of

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

    Auth = Callable[[ReadOnlyCredentials, str, str], SigV4Auth]


def send(
    client: Any,  # noqa: ANN401 - any service's
    operation: str,
    request: AWSRequest,
    auth: Auth = SigV4Auth,
) -> AWSResponse:
    """Send a request once, signed with the client's current credentials; return an answer that is no refusal.

    ``operation`` is its name in botocore's model, as ``PutObject``. The body is sent as it is: bytes, or an iterator of
    buffers if the headers have their length. Raises what the client raises for that operation.
    """
    signer = client._request_signer  # noqa: SLF001 - botocore has no public access to these
    credentials = signer._credentials  # noqa: SLF001
    frozen = credentials and credentials.get_frozen_credentials()
    auth(frozen, signer.signing_name, signer.region_name).add_auth(request)
    # A dict is faster than botocore's headers, which compare names in lower case.
    headers: Any = {"User-Agent": client.meta.config.user_agent, **dict(request.headers.items())}
    prepared: Any = AWSPreparedRequest(
        f"{request.method}", f"{request.url}", headers, request.data, stream_output=False
    )
    session = client._endpoint.http_session  # noqa: SLF001
    response = cast("AWSResponse", session.send(prepared))
    if response.status_code >= REFUSED_STATUS:
        raise _refusal(client.meta.service_model, operation, response)
    return response


def _refusal(service: Any, operation: str, response: AWSResponse) -> ClientError:  # noqa: ANN401 - botocore's model
    received = {"status_code": response.status_code, "headers": response.headers, "body": response.content}
    shape = service.operation_model(operation).output_shape
    return ClientError(error_of(received, service.metadata["protocol"], shape), operation)
