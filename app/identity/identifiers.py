"""The names people sign in by: e-mail addresses and user names, compared without case and form."""

import unicodedata

from app.core.secrets import Keyring


def folded(identifier: str) -> str:
    """The form in which identifiers are compared: two that look the same and differ in case are one."""
    prepared = unicodedata.normalize("NFKC", identifier).strip().casefold()
    return unicodedata.normalize("NFKC", prepared)


def identifier_hash(keyring: Keyring, identifier: str) -> bytes:
    """What the table `login` holds instead of the identifier."""
    return keyring.mac("login", folded(identifier))
