"""One process's way to a PKCS#11 token: a session, opened late, renewed when it breaks.

A module keeps its state per process, and that state does not outlive a fork: nothing is
opened before the first call, and a child begins anew. The library initialises modules
without locks (`C_Initialize(NULL)`), so calls go one at a time; it logs in once per
token and process, so one provider per process is opened.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, TextIO

import pkcs11
from pkcs11 import exceptions
from pkcs11.exceptions import PKCS11Error

from vault.envelope_errors import KeysUnavailableError
from vault.key_places import KeySetupError, TokenPlace
from vault.opaque import Opaque

PATIENCE_SECONDS: Final = 5.0
"""How long a call waits for those before it, while the token is slow or hangs."""
_PIN_REFUSED: Final = (
    exceptions.PinIncorrect,
    exceptions.PinInvalid,
    exceptions.PinLenRange,
    exceptions.PinLocked,
    exceptions.PinExpired,
    exceptions.UserPinNotInitialized,
)


class Desk(Opaque):
    """The session, and the roots it has found. For one thread at a time."""

    __slots__ = ("roots", "session")

    def __init__(self, session: Any) -> None:
        self.session = session
        self.roots: dict[int, Any] = {}


class Token(Opaque):
    """The token as this process reaches it."""

    __slots__ = ("_desk", "_one_at_a_time", "_place", "_refused", "_stale")

    def __init__(self, place: TokenPlace, *, inherited: bool = False) -> None:
        self._place = place
        self._one_at_a_time = threading.Lock()
        self._desk: Desk | None = None
        # Whether what the module holds is our parent's, or of a session that broke.
        self._stale = inherited
        self._refused = False

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        """The session, for the block alone. An error of the token ends it: the next is new.

        Raises:
            KeysUnavailableError: others wait too long already.
            KeySetupError: no such module, or the token refuses the PIN.
            PKCS11Error: the token does not answer.
        """
        if not self._one_at_a_time.acquire(timeout=PATIENCE_SECONDS):
            raise KeysUnavailableError
        try:
            if self._desk is None:
                self._desk = self._open()
            yield self._desk
        except PKCS11Error:
            self._desk, self._stale = None, True
            raise
        finally:
            self._one_at_a_time.release()

    def _open(self) -> Desk:
        if self._refused:  # a token locks itself after a few wrong PINs: do not try again
            raise KeySetupError("the token refused the PIN: set it right and start anew")
        if self._stale:
            leave(self._place)
            self._stale = False
        token = _module(self._place).get_token(token_label=self._place.label)
        try:
            session = token.open(rw=True, user_pin=_pin(self._place))
        except exceptions.UserAlreadyLoggedIn:
            session = token.open(rw=True)
        except _PIN_REFUSED:
            self._refused = True
            raise KeySetupError("the token refuses the PIN") from None
        return Desk(session)


class Tokens(Opaque):
    """A token for each process: a child that was forked begins anew."""

    __slots__ = ("_by_process", "_place")

    def __init__(self, place: TokenPlace) -> None:
        self._place = place
        self._by_process: dict[int, Token] = {}

    def here(self) -> Token:
        """That of this process."""
        found = self._by_process.get(os.getpid())
        if found is None:
            made = Token(self._place, inherited=bool(self._by_process))
            # setdefault: of two threads that come at once, one's is kept.
            found = self._by_process.setdefault(os.getpid(), made)
        return found


@contextmanager
def alone(place: TokenPlace) -> Iterator[None]:
    """The block runs in one process of this machine at a time."""
    with _pin_file(place) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield  # closing lets it go


def leave(place: TokenPlace) -> None:
    """Have the module forget its state; the next call makes it anew."""
    with suppress(PKCS11Error):
        _module(place).finalize()


def _module(place: TokenPlace) -> Any:
    if not place.module.is_file():
        raise KeySetupError(f"there is no PKCS#11 module {place.module}")
    return pkcs11.lib(str(place.module))


def _pin(place: TokenPlace) -> str:
    with _pin_file(place) as file:
        return file.read().strip()


def _pin_file(place: TokenPlace) -> TextIO:
    try:
        return place.pin_file.open(encoding="utf-8")
    except OSError as why:
        message = f"the file of the PIN cannot be read: {place.pin_file} ({why.strerror})"
        raise KeySetupError(message) from None
