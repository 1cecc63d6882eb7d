"""Two records side by side: what an operator must see to say whether they are one person."""

from collections.abc import Sequence
from typing import Any, Final

from api.console.shifts import Shift
from policies.disclosure import DutyAsk, Permit, Refusal, decide_duty
from policies.staff import Duty
from policies.vocabulary import RAW, AttributeId, SubjectId
from vault import access_log, attributes
from vault.attributes import Unreadable

COMPARED: Final = (
    "given_name_ar",
    "given_name_latin",
    "family_name_ar",
    "family_name_latin",
    "birth_date",
    "sex",
    "birth_place",
)
OPENED: Final = tuple(
    (AttributeId(name), RAW)
    for name in ("given_name", "family_name", "birth_date", "sex", "birth_place")
)


async def identities(
    shift: Shift, candidates: Sequence[SubjectId], case_reference: str
) -> list[dict[str, str]]:
    """What identifies each of these people, opened for this case; each of them will see that."""
    decided = [
        decide_duty(
            DutyAsk(
                staff=shift.staff.staff,
                role=shift.staff.role,
                duty=Duty.COMPARE_DUPLICATES,
                subject=subject,
                attributes=OPENED,
                case_reference=case_reference,
            ),
            shift.catalogue,
            shift.tx.now,
        )
        for subject in candidates
    ]
    refusals = [access_log.for_refusal(each) for each in decided if isinstance(each, Refusal)]
    await access_log.record(shift.tx, shift.keyring, refusals)
    permits = [each for each in decided if isinstance(each, Permit)]
    opened = await attributes.reveal(shift.tx, shift.keyring, permits)
    return [{} if isinstance(each, Unreadable) else _fields(each) for each in opened]


def _fields(values: dict[AttributeId, Any]) -> dict[str, str]:
    """The form's own fields: a name is one field in each script."""
    found: dict[str, str] = {}
    for name, value in values.items():
        scripts = value if isinstance(value, dict) else {"": value}
        found |= {f"{name}_{script}".rstrip("_"): str(each) for script, each in scripts.items()}
    return found
