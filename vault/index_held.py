"""What a process holds of the versions of the indexes: believed until a query says otherwise."""

from collections.abc import Sequence

import msgspec

from vault.key_states import State


class Live(msgspec.Struct, frozen=True, kw_only=True):
    """One version that answers: of the key, and of the rules."""

    version: int
    rules: int
    state: State


class Held:
    """The versions that answered when they were last read, newest first; none at the start."""

    __slots__ = ("live",)

    def __init__(self) -> None:
        self.live: Sequence[Live] = ()
