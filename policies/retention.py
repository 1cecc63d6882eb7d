"""What must be forgotten by when."""

from datetime import datetime, timedelta

from policies.entries import Agreement


def hold_until(given_at: datetime, agreement: Agreement) -> datetime:
    """When a programme must have erased what it was given (Law 09-08, article 3)."""
    return given_at + timedelta(days=agreement.retention_days)
