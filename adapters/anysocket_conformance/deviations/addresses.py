"""Of the cases in ``cases/addresses.py``."""

from anysocket_conformance.deviations._row import Deviation

GRANIAN_RSGI = (
    "granian-rsgi",
    "granian-rsgi-mt",
    "granian-rsgi-uvloop",
    "granian-rsgi-rloop",
    "granian-rsgi-2-workers",
    "granian-rsgi-tls",
    "granian-rsgi-unix",
)

DEVIATIONS = (
    Deviation(
        GRANIAN_RSGI,
        ("root-path",),
        "client: text '/root-path '",
        "RSGI's scope has no root path, and Granian hands --url-path-prefix to ASGI and WSGI apps only "
        "(granian/server/mp.py)",
        "granian 2.8.7",
    ),
    Deviation(
        ("uvicorn-legacy",),
        ("very-long-query",),
        "client: refused 400",
        "websockets takes request lines of 8,192 bytes (MAX_LINE_LENGTH in websockets/http11.py); the "
        "environment variable WEBSOCKETS_MAX_LINE_LENGTH allows more",
        "websockets 17.4",
    ),
    Deviation(
        ("uvicorn-sansio", "uvicorn-sansio-uvloop"),
        ("very-long-query",),
        "client: no answer",
        "websockets takes request lines of 8,192 bytes (MAX_LINE_LENGTH in websockets/http11.py; the "
        "environment variable WEBSOCKETS_MAX_LINE_LENGTH allows more), and uvicorn does not look at what "
        "it makes of longer ones (handshake_exc): the connection stays as it is",
        "uvicorn 0.54.0",
    ),
)
