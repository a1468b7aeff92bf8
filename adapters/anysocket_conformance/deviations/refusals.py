"""Of how a handshake is refused."""

from anysocket_conformance.deviations._row import Deviation

DAPHNE = "daphne 4.2.3"
ALWAYS = "Daphne answers every refusal with 403: it has no `websocket.http.response` extension"


def _daphne(instead: str, *cases: str) -> Deviation:
    return Deviation(("daphne",), cases, f"client: {instead}", ALWAYS, DAPHNE)


DEVIATIONS = (
    _daphne("refused 403", "unmatched-path-denied"),
    _daphne("refused 403, refused 403, text \"{'number': 7}\"", "unmatched-parameter"),
    _daphne("refused 403, refused 403", "deny-with-unassigned-status"),
    _daphne(", ".join(["refused 403"] * 9), "deny-with-status"),
    _daphne(
        "refused 403, other headers, another body", "deny-with-headers-and-body", "denied-from-any-depth"
    ),
    _daphne("refused 403, other headers", "deny-with-headers-alone"),
    _daphne("refused 403, another body", "deny-with-text", "deny-with-bytes", "deny-with-long-body"),
    _daphne("refused 403, refused 403, refused 403", "denied-with-illegal-status"),
    _daphne("refused 403, no header of the handler's", "denied-with-illegal-header"),
    _daphne(
        "refused 403, accepted",
        "raise-before-accept",
        "raise-group-before-accept",
        "exit-before-accept",
        "await-cancelled-before-accept",
    ),
    Deviation(
        ("uvicorn-legacy",),
        ("deny-with-unassigned-status",),
        "client: refused 500, refused 500",
        "the legacy implementation takes statuses that http.HTTPStatus knows (uvicorn, websockets_impl.py)",
        "uvicorn 0.54.0",
    ),
    Deviation(
        ("uvicorn-legacy",),
        ("non-ascii-accept-header",),
        "client: x-name: ['JÃ¼rgen'], text 'and on'",
        "the legacy implementation decodes header values as latin-1 and sends them as UTF-8",
        "uvicorn 0.54.0",
    ),
)
