"""What a URL says of Zenoh's configuration.

The workers of a host find each other through one endpoint, the seed: whoever comes first listens there, the
others listen on any free port and connect to it, again and again, and hear of each other by gossip. When
whoever has the seed is gone, the next worker that starts takes it.
"""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qsl, urlsplit

import zenoh

PORT = 7457
RETRY = {"period_init_ms": 100, "period_max_ms": 500, "period_increase_factor": 2}
LEASE = 3000
"""Milliseconds until a peer that is silent counts as gone, and is connected to anew when it is back."""
QUEUE = 16
"""Batches of 64 KiB that wait for a peer, in place of 2, until messages are dropped for it: the most that
Zenoh allows."""
OWN = {
    "scouting/multicast/enabled": False,
    "scouting/delay": 100,
    "transport/link/tx/lease": LEASE,
    "transport/link/tx/queue/size/data": QUEUE,
    "transport/unicast/open_timeout": 2000,
    "connect/timeout_ms": -1,
    "connect/exit_on_failure": False,
    "connect/retry": RETRY,
    "listen/exit_on_failure": True,
}


class Configuration:
    """``zenoh://host:port?…``, where host and port are those of the seed.

    ``connect``: endpoints of peers or routers elsewhere, separated by commas. ``listen``: the seed as an
    endpoint of Zenoh's. ``mode``: ``client`` for one that goes through routers only. What has a ``/`` in its
    name is an option of Zenoh's own configuration, as in ``transport/link/tls/root_ca_certificate=ca.pem``.
    ``ValueError`` for anything else.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        self.mode = options.pop("mode", "peer")
        self.elsewhere = [endpoint for endpoint in options.pop("connect", "").split(",") if endpoint]
        self.seed = options.pop("listen", f"tcp/{host or '127.0.0.1'}:{parts.port or PORT}")
        self._options = options
        unknown = [name for name in options if "/" not in name]
        if unknown or self.mode not in ("peer", "client"):
            wrong = ", ".join(unknown) or f"mode={self.mode}"
            raise ValueError(f"a Zenoh backplane has no option {wrong}: {url!r}")
        if self.mode == "client" and not self.elsewhere:
            raise ValueError(f"a client of Zenoh needs routers, connect=tcp/host:port: {url!r}")
        self.named = ", ".join(self.elsewhere) or self.seed
        """Where somebody should be, to be told."""
        self.as_seed()

    def as_seed(self) -> zenoh.Config:
        """For whoever comes first; fails where somebody has come before. A client has no part in it."""
        return self._build([self.seed] if self.mode == "peer" else [], self.elsewhere)

    def as_other(self) -> zenoh.Config:
        """For the others."""
        here = self.seed.replace("/0.0.0.0:", "/127.0.0.1:").replace("/[::]:", "/[::1]:")
        return self._build([re.sub(r":\d+(?=$|[?#])", ":0", self.seed)], [here, *self.elsewhere])

    def _build(self, listen: list[str], connect: list[str]) -> zenoh.Config:
        config = zenoh.Config()
        own = {**OWN, "mode": self.mode, "listen/endpoints": listen, "connect/endpoints": connect}
        for name, value in own.items():
            config.insert_json5(name, json.dumps(value))
        for name, text in self._options.items():
            try:
                config.insert_json5(name, text)
            except zenoh.ZError:  # A word that JSON does not know is meant as a str.
                _insert(config, name, json.dumps(text))
        return config


def _insert(config: zenoh.Config, name: str, value: str) -> None:
    try:
        config.insert_json5(name, value)
    except zenoh.ZError as error:
        raise ValueError(f"Zenoh takes no option {name}={value}: {error}") from None
