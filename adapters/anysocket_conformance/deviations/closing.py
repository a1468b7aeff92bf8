"""Of how a connection is closed."""

from anysocket_conformance.deviations._row import Deviation

DAPHNE = "daphne 4.2.3"
CODES = "autobahn sends no close codes from 1001 to 2999, so the adapter sends 1000 (django/daphne#326)"

DEVIATIONS = (
    Deviation(
        ("daphne",),
        (
            "unmatched-path",
            "denied-after-accept",
            "text-above-the-limit",
            "bytes-above-the-limit",
            "close-with-1001",
            "close-with-1003",
            "close-with-1008",
            "close-with-1011",
        ),
        "client: close 1000 ''",
        CODES,
        DAPHNE,
    ),
    Deviation(
        ("daphne",),
        (
            "raise-after-accept",
            "raise-group-after-accept",
            "exit-after-accept",
            "await-cancelled-after-accept",
        ),
        "client: text 'first', close 1000 '', accepted",
        CODES,
        DAPHNE,
    ),
)
