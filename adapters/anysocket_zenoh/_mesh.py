"""Whether each peer is connected to each, as must be: none of them relays for others.

Zenoh connects once to a peer that another one tells of. If that fails nothing tries again: of two peers that
have lost each other, because one stood still, both may close the new connection as what is left of the old
one. Both live, and hear all others, but not each other. So each tells the others whom it hears, and whoever
hears less begins anew. Where a firewall stands between two of them that does not help, and disturbs the
others; so it is done less and less often.

Two who connect to each other have two links. If one side has given up both and the other one has not, Zenoh
may take the next link for one more of the old connection: that stands for ever, and carries nothing
(eclipse-zenoh/zenoh#2806). So a peer that is connected and gives no answer for long is not heard, either, if
others hear it. Of two groups that have lost each other, the smaller one begins anew without being told.
"""

from __future__ import annotations

import asyncio
from time import monotonic

import zenoh
from zenoh.handlers import Callback

KEY = "anysocket/sync"
ANSWER_TIMEOUT = 0.5
"""Seconds until a peer that has not answered is not heard."""
FRESH = 2.0
"""Seconds for which it is told who was heard: less than a lease, after which a peer that stands still is gone
here, and elsewhere perhaps not yet. Who has not asked lately, as it stands still itself, says nothing."""
TRY_FOR = 0.8
PAUSE = 0.2
"""Seconds in which they are asked again, and between: who has just come is connected to by then."""
SILENT_LOOKS = 4
"""So many looks in a row, a second or more from one to the next, in which a peer that is connected does not
answer. One that stands still has lost its connection by then, as that takes a lease."""

FIRST_WAIT, MAX_WAIT = 0.5, 60.0
"""Seconds from one new session to the next that is worth it, which double up to the most."""
FORGOTTEN = 10.0
"""Seconds after which new trouble has nothing to do with the last one."""


class Patience:
    """Whether a new session is worth it: seldom, if the last ones were of no use."""

    def __init__(self) -> None:
        self._due = 0.0
        self._wait = 0.0

    def ends(self) -> bool:
        """If so, the next one must wait for longer."""
        now = monotonic()
        if now < self._due:
            return False
        self._wait = min(2 * self._wait, MAX_WAIT) if now < self._due + FORGOTTEN else FIRST_WAIT
        self._due = now + self._wait
        return True


class Mesh:
    """The peers of one session: asks them, and answers them, in threads of Zenoh's."""

    def __init__(self, session: zenoh.Session) -> None:
        self._session = session
        self._own = str(session.zid())
        self._heard: frozenset[str] = frozenset()
        self._heard_at = 0.0
        self._ever_known: set[str] = set()  # Others on the same network may be no processes of ours.
        self._silent: dict[str, int] = {}  # Of ours that are connected: looks in a row without an answer.
        session.declare_queryable(KEY, Callback(self._answer, indirect=False))

    async def sync(self, timeout: float) -> list[list[str]]:
        """Wait for the answers of all peers: what they were told before, they know by then. Of each, itself
        and whom it hears."""
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        answers: list[list[str]] = []

        def answered(reply: zenoh.Reply) -> None:
            if reply.ok is not None:
                answers.append(bytes(reply.ok.payload).decode().split())

        def all_answered() -> None:
            loop.call_soon_threadsafe(_set, done)

        self._session.get(
            KEY,
            Callback(answered, all_answered, indirect=False),
            target=zenoh.QueryTarget.ALL,
            consolidation=zenoh.ConsolidationMode.NONE,
            allowed_destination=zenoh.Locality.REMOTE,
            timeout=timeout,
        )
        await done
        return answers

    async def missing(self) -> int:
        """How many peers live that we do not hear. Routers relay: with one of them all is well."""
        end = monotonic() + TRY_FOR
        while True:
            answers = await self.sync(ANSWER_TIMEOUT)
            self._heard = frozenset(zid for zid, *_ in filter(None, answers))
            self._heard_at = monotonic()
            known = {zid for answer in answers for zid in answer}
            connected = self._connected()
            lost = known - self._heard - connected - {self._own}
            if self._session.info.routers_zid():
                return 0
            if not lost or self._heard_at > end:
                break
            await asyncio.sleep(PAUSE)
        self._ever_known |= known
        ours = connected & self._ever_known
        self._silent = {zid: self._silent.get(zid, 0) + 1 for zid in ours - self._heard}
        silent = {zid for zid, looks in self._silent.items() if looks >= SILENT_LOOKS}
        if 2 * len(silent) <= len(ours):
            silent &= known  # So few may be gone themselves. Whoever hears no more than that is cut off.
        return len(lost | silent)

    def _connected(self) -> set[str]:
        return {str(zid) for zid in self._session.info.peers_zid()}

    def _answer(self, query: zenoh.Query) -> None:
        is_fresh = monotonic() - self._heard_at < FRESH
        heard = self._heard & self._connected() if is_fresh else ()
        query.reply(KEY, " ".join((self._own, *heard)))


def _set(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
