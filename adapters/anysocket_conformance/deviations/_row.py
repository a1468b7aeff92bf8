"""One known deviation of a server from the contract, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Deviation:
    """What happens instead of a case's promise on some servers, under anysocket, and why.

    A strict expectation: the run is red when something else happens, and also when the promise is kept, so
    that a server that mends it is noticed.
    """

    servers: tuple[str, ...]
    """Their names in ``anysocket_servers``."""
    cases: tuple[str, ...]
    """The names of the cases."""
    instead: str
    """What both sides saw, as ``Result.instead`` tells it."""
    why: str
    """Whose limit it is, and where that is written: an issue, a line of source, a measurement."""
    since: str
    """The version in which it was seen, with the server's name."""
