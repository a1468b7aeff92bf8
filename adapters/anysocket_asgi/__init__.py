"""anysocket on ASGI 3: uvicorn, Hypercorn, Daphne, Granian's ASGI interface, Starlette's TestClient, and
any other server that keeps to the specification."""

from anysocket_asgi._entry import serve_asgi
from anysocket_asgi._from_rsgi import from_rsgi
from anysocket_asgi._transport import ASGITransport

__all__ = ["ASGITransport", "from_rsgi", "serve_asgi"]
