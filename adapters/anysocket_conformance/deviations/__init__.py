"""What servers do instead of the contract, under anysocket: each with its reason."""

from anysocket_conformance.deviations import (
    addresses,
    backpressure,
    closing,
    frames,
    limits,
    messages,
    refusals,
    requests,
    rooms,
    shutdown,
    start,
    violations,
)
from anysocket_conformance.deviations._row import Deviation

MODULES = (
    refusals,
    requests,
    messages,
    closing,
    backpressure,
    rooms,
    frames,
    limits,
    violations,
    addresses,
    start,
    shutdown,
)

DEVIATIONS: tuple[Deviation, ...] = tuple(row for module in MODULES for row in module.DEVIATIONS)
"""All of them."""

__all__ = ["DEVIATIONS", "Deviation"]
