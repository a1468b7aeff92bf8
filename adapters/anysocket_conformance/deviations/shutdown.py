"""Of the cases in ``cases/shutdown.py``: to be deleted when anysocket drains."""

from anysocket_conformance.deviations._row import Deviation

WHY = "anysocket does not drain yet"
GRANIAN = (
    "granian-rsgi",
    "granian-rsgi-mt",
    "granian-asgi",
    "granian-rsgi-uvloop",
    "granian-rsgi-rloop",
    "granian-rsgi-2-workers",
    "granian-rsgi-tls",
    "granian-rsgi-unix",
)
UVICORN = ("uvicorn-sansio", "uvicorn-wsproto", "uvicorn-legacy", "uvicorn-sansio-uvloop")
HYPERCORN = ("hypercorn", "hypercorn-tls")
CLOSES = ("close-at-sigterm", "close-at-sigint")
CUTS = f"{WHY}: Granian cuts TCP at once, and abandons the handlers"
CUTS_TOO = f"{WHY}: Daphne cuts TCP at once, and abandons the handlers"
RESTARTS = f"{WHY}: uvicorn closes with 1012 at once, and waits for the handlers without limit"
ERRS = f"{WHY}: Hypercorn cancels the handlers after 3 s, which closes with 1011"
ERRS_MORE = (
    f"{WHY}: Hypercorn cancels the handlers after 3 s, and with them the task that would send the close"
)

DEVIATIONS = (
    Deviation(GRANIAN, CLOSES, "client: text 'in', lost, the process ends", CUTS, "granian 2.8.7"),
    Deviation(GRANIAN, ("messages-before-the-end",), "client: in order, lost", CUTS, "granian 2.8.7"),
    Deviation(
        GRANIAN,
        ("receiving-handler-unwinds", "sleeping-handler-unwinds"),
        "handler: nothing",
        CUTS,
        "granian 2.8.7",
    ),
    Deviation(GRANIAN, ("lifespan-ends-last",), "handler: the lifespan ends", CUTS, "granian 2.8.7"),
    Deviation(("daphne",), CLOSES, "client: text 'in', lost, the process ends", CUTS_TOO, "daphne 4.2.3"),
    Deviation(("daphne",), ("messages-before-the-end",), "client: in order, lost", CUTS_TOO, "daphne 4.2.3"),
    Deviation(
        ("daphne",),
        ("receiving-handler-unwinds", "sleeping-handler-unwinds", "lifespan-ends-last"),
        "handler: nothing",
        CUTS_TOO,
        "daphne 4.2.3",
    ),
    Deviation(
        UVICORN, CLOSES, "client: text 'in', close 1012 '', the process ends", RESTARTS, "uvicorn 0.54.0"
    ),
    Deviation(
        UVICORN, ("messages-before-the-end",), "client: in order, close 1012 ''", RESTARTS, "uvicorn 0.54.0"
    ),
    Deviation(
        UVICORN,
        ("sleeping-handler-unwinds",),
        "client: text 'in', the process goes on; handler: nothing",
        RESTARTS,
        "uvicorn 0.54.0",
    ),
    Deviation(
        HYPERCORN, CLOSES, "client: text 'in', close 1011 '', the process ends", ERRS, "hypercorn 0.18.0"
    ),
    Deviation(
        HYPERCORN, ("messages-before-the-end",), "client: in order, close 1011 ''", ERRS, "hypercorn 0.18.0"
    ),
    Deviation(
        ("hypercorn-http2",),
        CLOSES,
        "client: text 'in', lost, the process ends",
        ERRS_MORE,
        "hypercorn 0.18.0",
    ),
    Deviation(
        ("hypercorn-http2",),
        ("messages-before-the-end",),
        "client: in order, lost",
        ERRS_MORE,
        "hypercorn 0.18.0",
    ),
)
