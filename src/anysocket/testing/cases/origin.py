"""Which web pages may connect (contract 3.6). Clients name the host, so that it is the same everywhere."""

from __future__ import annotations

from anysocket._websocket import WebSocket
from anysocket.testing._case import Case, Client
from anysocket.testing._stage import Stage

ACCEPTED = "accepted"
REFUSED = "refused 403"


class _Origin(Case):
    """Each ``origin`` and how a page of it is answered."""

    group = "origin"
    clauses = ("3.6",)
    host = "app.example:8080"
    pages: tuple[tuple[str | None, str], ...] = ()

    def __init_subclass__(cls) -> None:
        cls.client_sees = tuple(answer for _, answer in cls.pages)
        cls.handler_sees = ("runs",) * cls.client_sees.count(ACCEPTED)

    async def handler(self, websocket: WebSocket, stage: Stage) -> None:
        stage.note("runs")
        await websocket.accept()

    async def client(self, client: Client) -> None:
        for origin, _ in self.pages:
            headers = [("host", self.host)] if origin is None else [("host", self.host), ("origin", origin)]
            await client.see_answer(headers=headers)


class NoOrigin(_Origin):
    """A client that sends no Origin is no browser, and may connect."""

    pages = ((None, ACCEPTED),)


class SameOrigin(_Origin):
    """A page of the request's own host and port may connect."""

    pages = (("http://app.example:8080", ACCEPTED), ("https://app.example:8080", ACCEPTED))


class SameOriginBehindTLS(_Origin):
    """A page over https may connect to its own host, also where a proxy has ended TLS."""

    host = "app.example"
    pages = (("https://app.example", ACCEPTED), ("https://app.example:443", ACCEPTED))


class SameOriginInCapitals(_Origin):
    """A host's name counts in any case."""

    pages = (("http://APP.Example:8080", ACCEPTED),)


class SameOriginOverIPv6(_Origin):
    """A page of an IPv6 address may connect to it."""

    host = "[::1]:8080"
    pages = (("http://[::1]:8080", ACCEPTED), ("http://[::2]:8080", REFUSED))


class OtherOrigin(_Origin):
    """A page of another host is refused with 403, and the handler does not run."""

    pages = (("https://evil.example", REFUSED), ("http://evil.example:8080", REFUSED))


class SimilarOrigin(_Origin):
    """A page whose host only resembles the request's is refused."""

    pages = (
        ("http://evil.app.example:8080", REFUSED),
        ("http://app.example.evil:8080", REFUSED),
        ("http://notapp.example:8080", REFUSED),
        ("http://app.example:8080.evil.example", REFUSED),
        ("http://example:8080", REFUSED),
    )


class OriginWithUser(_Origin):
    """A page whose address has the request's host in front of an @ is refused."""

    pages = (("http://app.example:8080@evil.example:8080", REFUSED),)


class OriginOfOtherPort(_Origin):
    """A page of another port of the host is refused."""

    pages = (
        ("http://app.example", REFUSED),
        ("http://app.example:80", REFUSED),
        ("http://app.example:8081", REFUSED),
    )


class OpaqueOrigin(_Origin):
    """A page without an origin of its own, "null", is refused."""

    pages = (("null", REFUSED),)


class OriginThatIsNone(_Origin):
    """What is no origin is refused."""

    pages = (("app.example:8080", REFUSED), ("http://", REFUSED), ("http://[::1", REFUSED), ("*", REFUSED))


class AllowedOrigins(_Origin):
    """allowed_origins replace the request's own host, in any case of letters."""

    app_options = {"allowed_origins": ["https://one.example", "https://two.example:8443"]}
    pages = (
        ("https://one.example", ACCEPTED),
        ("https://TWO.example:8443", ACCEPTED),
        ("http://one.example", REFUSED),
        ("https://two.example", REFUSED),
        ("http://app.example:8080", REFUSED),
        ("null", REFUSED),
        (None, ACCEPTED),
    )


class NoOriginsAllowed(_Origin):
    """An empty list of allowed_origins refuses every page."""

    app_options = {"allowed_origins": []}
    pages = (("http://app.example:8080", REFUSED), (None, ACCEPTED))


class OneAllowedOrigin(_Origin):
    """allowed_origins may be one origin."""

    app_options = {"allowed_origins": "https://one.example"}
    pages = (("https://one.example", ACCEPTED), ("https://other.example", REFUSED))


class AnyOriginAllowed(_Origin):
    """allowed_origins="*" lets every page connect."""

    app_options = {"allowed_origins": "*"}
    pages = (("https://evil.example", ACCEPTED), ("null", ACCEPTED), (None, ACCEPTED))
