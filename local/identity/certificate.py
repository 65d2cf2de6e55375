"""The certificate of the local cloud's https services, by an authority that exists only in a folder."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True)
class Certificate:
    """Files in PEM form. `ca` is what clients must trust; `chain` and `key` are what a server needs."""

    ca: Path
    chain: Path
    key: Path

    def tls(self) -> ssl.SSLContext:
        """A server's context with this certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.chain, self.key)
        return context


def make(folder: Path) -> Certificate:
    """Write a new authority and a certificate for 127.0.0.1 and localhost into `folder`, which is made if absent.

    The authority's own key is never written: nothing but this certificate can be issued by it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = Certificate(folder / "ca.pem", folder / "server.pem", folder / "server-key.pem")
    authority = trustme.CA()
    server = authority.issue_cert("127.0.0.1", "localhost")
    made.key.touch(mode=0o600)
    server.private_key_pem.write_to_path(made.key)
    made.chain.write_bytes(b"".join(pem.bytes() for pem in server.cert_chain_pems))
    authority.cert_pem.write_to_path(made.ca)
    return made
