"""Faults of what is kept: they raise, roll back, and carry no value of a person."""


class VaultError(Exception):
    """Something kept cannot be used as it stands."""


class TamperedError(VaultError):
    """A stored value was altered, moved, put back, or is of an unknown kind."""


class KeyLostError(VaultError):
    """A key that must be there is not, or cannot be unwrapped."""


class StalePermitError(VaultError):
    """A permit was decided in another transaction."""


class KeysUnavailableError(VaultError):
    """The keeper of the root keys does not answer. It may do so later; nothing is lost."""


class RandomnessError(VaultError):
    """The source of randomness gave the same bytes twice. Nothing is sealed with them."""


class StaleStoreError(VaultError):
    """The store is behind what was read before: a replica that lags, or one put back."""


class OldStoreError(VaultError):
    """A store that cannot be brought to this version; why, in words."""
