"""anysocket on RSGI: Granian's own interface, the fast path."""

from anysocket_rsgi._entry import serve_rsgi, start_worker, stop_worker
from anysocket_rsgi._from_asgi import from_asgi
from anysocket_rsgi._transport import CAPABILITIES

__all__ = ["CAPABILITIES", "from_asgi", "serve_rsgi", "start_worker", "stop_worker"]
