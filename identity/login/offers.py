"""What is offered to an account and not taken yet: sealed for a form; nothing is written."""

import base64
from typing import Any, TypeVar

import msgspec

from identity.login.accounts import Account
from vault.envelope_errors import KeyLostError, TamperedError
from vault.keyring import Keyring

Offered = TypeVar("Offered")


def seal(keyring: Keyring, box: str, account: Account, offered: Any) -> str:
    """An offer, for a hidden field."""
    said = msgspec.json.encode(offered)
    return base64.urlsafe_b64encode(keyring.box(box).seal(said, account.encode())).decode()


def read(
    keyring: Keyring, box: str, account: Account, sealed: str, shape: type[Offered]
) -> Offered | None:
    """What was offered to this account, if it was."""
    try:
        opened = keyring.box(box).open(base64.urlsafe_b64decode(sealed), account.encode())
    except (ValueError, TamperedError, KeyLostError):
        return None
    return msgspec.json.decode(opened, type=shape)
