"""Of how a server tells that something is one too many."""

from anysocket_conformance.deviations._row import Deviation
from anysocket_conformance.deviations.closing import CODES, DAPHNE
from anysocket_conformance.deviations.refusals import ALWAYS

INSIDE = "text 'inside'"


def _daphne(notes: str, why: str, *cases: str) -> Deviation:
    return Deviation(("daphne",), cases, f"client: {notes}", why, DAPHNE)


DEVIATIONS = (
    _daphne(f"{INSIDE}, {INSIDE}, refused 403, accepted", ALWAYS, "connections-in-all"),
    _daphne(
        f"{INSIDE}, {INSIDE}, refused 403", ALWAYS, "connections-of-one-address", "connections-of-one-route"
    ),
    _daphne(f"{INSIDE}, refused 403, b''", ALWAYS, "refusal-names-the-limit"),
    _daphne(f"{INSIDE}, {INSIDE}, refused 403, refused 403", ALWAYS, "address-behind-proxy"),
    _daphne(f"{INSIDE}, refused 403", ALWAYS, "full-room-before-accept"),
    _daphne("refused 403", ALWAYS, "accept-timeout"),
    _daphne("text 'in kitchen', close 1000 '', text 'in bath'", CODES, "full-room"),
    _daphne("text 'in kitchen', text 'in bath', close 1000 ''", CODES, "too-many-rooms"),
    _daphne("text '1', text '2', text '3', close 1000 ''", CODES, "messages-per-second"),
    _daphne(f"{INSIDE}, close 1000 ''", CODES, "idle-timeout"),
)
