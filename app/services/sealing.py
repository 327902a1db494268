"""Secrets at rest: AES-256-GCM under a key derived from the setting, bound to row and origin."""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NONCE_BYTES = 12


class CannotUnseal(Exception):
    """The sealing key, the row or the origin is not the one the secret was sealed with."""


def derive(secret_key: str, purpose: str) -> bytes:
    """Return a 256-bit key of its own for each purpose."""
    kdf = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=f"sluice {purpose}".encode())
    return kdf.derive(secret_key.encode())


class Sealer:
    """Seals and unseals with one key; `key_id` names it without telling it."""

    def __init__(self) -> None:
        self._aead: AESGCM | None = None
        self.key_id = ""

    def configure(self, secret_key: str) -> None:
        """Derive the sealing key from the setting."""
        self._aead = AESGCM(derive(secret_key, "credentials"))
        self.key_id = derive(secret_key, "credentials key id").hex()[:8]

    def seal(self, secret: str, row_id: str, origin: str) -> bytes:
        """Return nonce and ciphertext."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._ready().encrypt(nonce, secret.encode(), binding(row_id, origin))

    def unseal(self, sealed: bytes, row_id: str, origin: str) -> str:
        """Return the secret; raise CannotUnseal when it was sealed for another row, origin or key."""
        try:
            nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
            return self._ready().decrypt(nonce, ciphertext, binding(row_id, origin)).decode()
        except (InvalidTag, ValueError):  # ValueError: too short to be sealed at all
            raise CannotUnseal from None

    def _ready(self) -> AESGCM:
        if self._aead is None:
            raise RuntimeError("the sealer is not configured")
        return self._aead


sealer = Sealer()


def binding(row_id: str, origin: str) -> bytes:
    """Return the associated data that ties a secret to its place."""
    return f"{row_id}|{origin}".encode()
