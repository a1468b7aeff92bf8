"""Datasette as it is published, on a database in memory."""

from __future__ import annotations

from datasette.app import Datasette

from anysocket_rsgi import from_asgi

app = from_asgi(Datasette(memory=True).app())
