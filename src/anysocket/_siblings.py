"""Other workers of the same app, as far as the server lets one know: adapters tell, and a broadcast that does
not reach them is a mistake that shows only under load."""

from __future__ import annotations

import logging

logger = logging.getLogger("anysocket")

_told: list[str] = []


def has_siblings(server: str) -> None:
    """This process is one of several workers, says ``server``, as the beginning of a sentence."""
    if not _told:
        _told.append(server)


def warn_of_siblings() -> None:
    """A broadcast stays in this process: a warning, once, if there are other ones."""
    if _told and _told[-1]:
        logger.warning(
            "%s, and a WebSocketManager without a backplane reaches the connections of this one worker only: "
            'give it one, WebSocketManager(backplane="zenoh://") for the workers of one host '
            '(pip install "anysocket[zenoh]"), or run one worker',
            _told[-1],
        )
        _told.append("")
