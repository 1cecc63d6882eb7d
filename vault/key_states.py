"""What a version of a key may still do: it seals, it only opens, it refuses, it is gone."""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """The life of one version of a key; each state follows the one before it."""

    ACTIVE = "active"
    DECRYPT_ONLY = "decrypt-only"
    RETIRED = "retired"
    DESTROYED = "destroyed"


USABLE: Final = (State.ACTIVE, State.DECRYPT_ONLY)
"""The states in which a version opens what it sealed."""
