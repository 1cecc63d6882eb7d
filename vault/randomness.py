"""Random octets. All come from the system (`secrets`): no generator of ours could repeat itself."""

import secrets
from collections.abc import Callable

from vault.envelope_errors import RandomnessError
from vault.opaque import Opaque

Source = Callable[[int], bytes]
"""So many random octets, other ones each time."""


class Drawn(Opaque):
    """A source for work that seals much without a pause: many octets are drawn at once.

    To ask the system for each nonce takes a tenth of such work. It is not to outlive the work:
    after a fork, what is left in it would be given out twice (threat 11).
    """

    __slots__ = ("_at", "_octets", "_share")

    def __init__(self, share: int) -> None:
        """Take how many octets are drawn at once; none are yet."""
        self._share = share
        self._octets = b""
        self._at = 0

    def __call__(self, count: int) -> bytes:
        """So many octets, each given out once.

        Raises:
            RandomnessError: the system gave the same twice: it is stuck.
        """
        end = self._at + count
        if end > len(self._octets):
            drawn = secrets.token_bytes(max(self._share, count))
            if drawn == self._octets:
                raise RandomnessError
            self._octets, self._at, end = drawn, 0, count
        given = self._octets[self._at : end]
        self._at = end
        return given
