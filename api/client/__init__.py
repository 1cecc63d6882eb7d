"""What a programme speaks to Amana with: tokens that are bound to its key, and answers with types.

async with await Programme.at("https://amana.example", "amo-tadamon", key) as amana:
    token = await amana.by_law(Asking(agreement=…, purpose=…, attributes={"birth_date": "match"}))
    answer = await amana.verify(token, {"birth_date": "1990-05-01"}, subject=Idcs("4821093756"))
"""

from api.client.events import Event, ForgedEventError
from api.client.programme import Programme, RefusedError
from api.client.shapes import (
    Asking,
    Disclosure,
    Eligibility,
    Idcs,
    Pairwise,
    Pushed,
    Token,
    Verification,
    Virtual,
)

__all__ = [
    "Asking",
    "Disclosure",
    "Eligibility",
    "Event",
    "ForgedEventError",
    "Idcs",
    "Pairwise",
    "Programme",
    "Pushed",
    "RefusedError",
    "Token",
    "Verification",
    "Virtual",
]
