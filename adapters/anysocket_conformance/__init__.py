"""The contract on every server: what ``anysocket matrix`` runs and ``compat_matrix.md`` tells."""

from anysocket_conformance._all import COMPARED, run_matrix
from anysocket_conformance._matrix import Matrix
from anysocket_conformance._own_app import check_app
from anysocket_conformance._under_anysocket import under_anysocket
from anysocket_conformance._versions import versions
from anysocket_conformance.cases import ALL_CASES

__all__ = ["ALL_CASES", "COMPARED", "Matrix", "check_app", "run_matrix", "under_anysocket", "versions"]
