"""anysocket on RSGI: Granian's own interface, the fast path."""

from anysocket_rsgi._entry import serve_rsgi, start_worker, stop_worker

__all__ = ["serve_rsgi", "start_worker", "stop_worker"]
