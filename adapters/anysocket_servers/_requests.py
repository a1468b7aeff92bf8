"""HTTP requests to a server under test."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx2

from anysocket_servers._endpoint import TIMEOUT, Endpoint


@dataclass(frozen=True)
class Response:
    """What an HTTP request was answered with; ``headers`` finds names in any case."""

    status: int
    headers: httpx2.Headers
    body: bytes

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.body.decode()

    def json(self) -> Any:
        """The body parsed as JSON."""
        return json.loads(self.body)


def transport_to(endpoint: Endpoint) -> httpx2.AsyncHTTPTransport:
    """How httpx2 reaches ``endpoint``."""
    http2 = endpoint.http_version == "2"
    return httpx2.AsyncHTTPTransport(
        verify=endpoint.trust or False, uds=endpoint.unix_path, http1=not http2, http2=http2
    )


async def send_request(
    base: str, method: str, path: str, content: dict[str, Any], transport: httpx2.AsyncBaseTransport
) -> Response:
    """One request through ``transport``; ``content`` is httpx2's. Raises what httpx2 does."""
    async with httpx2.AsyncClient(
        base_url=base, transport=transport, trust_env=False, timeout=2 * TIMEOUT
    ) as client:
        response = await client.request(method, path, **content)
    return Response(response.status_code, response.headers, response.content)
