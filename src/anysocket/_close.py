"""What a close frame may say (RFC 6455 sections 5.5.1 and 7.4)."""

from __future__ import annotations

MAX_REASON_BYTES = 123


def check_close(code: int, reason: str) -> None:
    """Raise ``ValueError`` unless a close frame with this code and reason may be sent."""
    if isinstance(code, bool) or not isinstance(code, int) or not _may_be_sent(code):
        raise ValueError(
            f"close code {code!r} must not be sent: use 1000-1003, 1007-1014 or, for codes of your own, "
            "3000-4999 (RFC 6455 section 7.4)"
        )
    if not isinstance(reason, str):
        raise TypeError(f"a close reason must be str, not {type(reason).__name__}")
    size = len(reason.encode())
    if size > MAX_REASON_BYTES:
        raise ValueError(
            f"a close reason of {size} bytes exceeds the {MAX_REASON_BYTES} of a close frame: shorten it"
        )


def _may_be_sent(code: int) -> bool:
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999
