"""What the person at the keyboard got wrong, as opposed to a bug of ours."""

from __future__ import annotations


class Mistake(Exception):
    """Bad input. The message names the value and the way out; it is printed without a traceback."""
