"""Certificates for servers on TLS, made anew for each process that runs tests and trusted by nobody else."""

from __future__ import annotations

import atexit
import functools
import shutil
import ssl
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificates:
    """Files in PEM for the server, and what makes a client trust them."""

    certificate: Path
    key: Path
    authority: Path

    def trust(self) -> ssl.SSLContext:
        """A client's context that trusts the server."""
        return ssl.create_default_context(cafile=str(self.authority))


_MAKING = threading.Lock()


def certificates() -> Certificates:
    """Certificates for 127.0.0.1, ::1 and localhost, the same in every call, from any thread.
    ``ModuleNotFoundError`` where there is no trustme."""
    with _MAKING:
        return _make()


@functools.cache
def _make() -> Certificates:
    import trustme
    from cryptography.hazmat.primitives import serialization

    folder = Path(tempfile.mkdtemp(prefix="anysocket-certificates-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "::1", "localhost")
    made = Certificates(folder / "certificate.pem", folder / "key.pem", folder / "authority.pem")
    made.certificate.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    # Granian takes keys in PKCS#8 only.
    key = serialization.load_pem_private_key(issued.private_key_pem.bytes(), password=None)
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    made.key.write_bytes(key.private_bytes(encoding, form, serialization.NoEncryption()))
    authority.cert_pem.write_to_path(str(made.authority))
    return made
