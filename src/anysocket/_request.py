"""The handshake request as attributes of the WebSocket."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

from anysocket._scope import Address, Headers, QueryParams, Scope


class HandshakeRequest:
    """Shortcuts to :class:`~anysocket.Scope`; all of them may be read at any time."""

    __slots__ = ("_arrived_at", "scope")

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._arrived_at = time.time()

    @property
    def headers(self) -> Headers:
        """The request's headers."""
        return self.scope.headers

    @property
    def query_params(self) -> QueryParams:
        """The parameters of the query string."""
        return QueryParams(self.scope.query_string)

    @property
    def path_params(self) -> dict[str, Any]:
        """The path's parameters, converted, as the handler gets them by name."""
        return self.scope.path_params

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies the peer sent, by name."""
        return self.scope.cookies

    @property
    def client(self) -> Address | None:
        """The peer's address; None over a unix socket."""
        return self.scope.client

    @property
    def url(self) -> str:
        """The address the peer asked for."""
        return self.scope.url

    @property
    def state(self) -> SimpleNamespace:
        """What the app's lifespan provided, as attributes."""
        return self.scope.state
