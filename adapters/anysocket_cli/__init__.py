"""The command line: ``anysocket demo``, ``anysocket serve module:app``.

An adapter, because it knows the servers by name. ``main`` is the entry point of the ``anysocket`` command and
of ``python -m anysocket``; ``anysocket_cli.demo:app`` is the chat, an ordinary anysocket app.
"""

from anysocket_cli._main import main

__all__ = ["main"]
