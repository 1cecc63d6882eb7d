"""Whose password or code it is: a citizen's or a member of staff's, in one word."""

from typing import NewType
from uuid import UUID

from policies.vocabulary import StaffId, SubjectId

Account = NewType("Account", str)
"""`citizen:<subject>` or `staff:<id>`."""


def of_citizen(subject: SubjectId) -> Account:
    """The account of a person in the registers."""
    return Account(f"citizen:{subject}")


def subject(account: Account) -> SubjectId | None:
    """Whose it is, if a citizen's."""
    kind, _, name = account.partition(":")
    return SubjectId(UUID(name)) if kind == "citizen" else None


def of_staff(staff: StaffId) -> Account:
    """The account of a member of staff."""
    return Account(f"staff:{staff}")
