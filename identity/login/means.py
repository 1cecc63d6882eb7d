"""The means to sign in beside password and app: ended together when an account is made anew."""

from identity.login import channels, passkeys, recovery_codes, unlock_codes
from identity.login.accounts import Account
from vault.database import Transaction


async def end(tx: Transaction, account: Account) -> None:
    """Let nothing open an account but what it is given next."""
    await recovery_codes.end(tx, account)
    await unlock_codes.end(tx, account)
    await channels.end(tx, account)
    await passkeys.end_all(tx, account)
