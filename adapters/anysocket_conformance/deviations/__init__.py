"""What servers do instead of the contract, under anysocket: each with its reason."""

from anysocket_conformance.deviations._row import Deviation

DEVIATIONS: tuple[Deviation, ...] = ()
"""All of them."""
