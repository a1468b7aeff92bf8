"""How a backplane is found by its URL."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest

from anysocket import Backplane, _backplane
from anysocket._backplane import GROUP, open_backplane


@pytest.mark.parametrize("url", ["memory://", "memory://name", "MEMORY://name"])
def test_the_scheme_says_which(url: str) -> None:
    assert isinstance(open_backplane(url), Backplane)


@pytest.mark.parametrize("url", ["", "redis", "localhost:6379", "pigeon://x"])
def test_another_scheme_is_a_mistake_that_names_those_there_are(url: str) -> None:
    with pytest.raises(ValueError, match="memory://, nats://, redis://, rediss://"):
        open_backplane(url)


def test_a_missing_library_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint("pigeon", "no_such_library:connect [pigeon]", GROUP)
    monkeypatch.setattr(_backplane, "entry_points", lambda **_: [point])
    with pytest.raises(
        ImportError, match=r'pigeon:// needs .*no_such_library.*pip install "anysocket\[pigeon\]"'
    ):
        open_backplane("pigeon://")
