"""A member of staff at work: who, in which language, in which transaction.

What they do is a duty of their role, and a line of the log before it is done.
"""

from http import HTTPStatus

import msgspec
from litestar import Response
from litestar.di import NamedDependency, Provide

from api.rendering import Page
from api.wording import Words
from identity.login.sessions import StaffSession
from policies import staff as roles
from policies.catalogue import Catalogue
from policies.reasons import Reason
from policies.staff import TERMS, Duty
from policies.vocabulary import Actor, ActorKind, Outcome, SubjectId
from vault import access_log
from vault.access_log import Line
from vault.database import Transaction
from vault.keyring import Keyring


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """What every page of the console needs. There is none without a session."""

    staff: StaffSession
    page: Page
    tx: Transaction
    words: Words

    @property
    def actor(self) -> Actor:
        """Who acts, for the log."""
        return Actor(kind=ActorKind.STAFF, id=self.staff.staff)

    @property
    def catalogue(self) -> Catalogue:
        """The purposes and programmes that the pages name."""
        return self.words.catalogue

    @property
    def keyring(self) -> Keyring:
        """The keys in use."""
        return self.words.keyring

    def has(self, duty: Duty) -> bool:
        """Whether a duty is one of the role's."""
        return bool(roles.may(self.staff.role, duty))

    async def begin(
        self,
        duty: Duty,
        *,
        subject: SubjectId | None = None,
        case_reference: str | None = None,
        detail: str | None = None,
    ) -> bool:
        """Log that a duty is begun, or refused; whether it is theirs to do.

        A `subject` will see the line in their history; the `case_reference` is sealed;
        `detail` holds codes only, nothing of a person.
        """
        allowed = self.has(duty)
        line = Line(
            actor=self.actor,
            action=TERMS[duty].action,
            outcome=Outcome.GIVEN if allowed else Outcome.REFUSED,
            subject=subject,
            purpose=TERMS[duty].purpose,
            reasons=() if allowed else (Reason.DUTY_NOT_OF_ROLE.value,),
            case_reference=case_reference,
            detail=detail,
        )
        await access_log.record(self.tx, self.keyring, [line])
        return allowed

    def refused(self) -> Response[str]:
        """The page for a duty of another role. A value: the line of the refusal stays."""
        return self.page.show(
            "portal/error.html", status=HTTPStatus.FORBIDDEN, kind="not-your-duty", correlation=""
        )


async def shift(
    staff: NamedDependency[StaffSession],
    page: NamedDependency[Page],
    tx: NamedDependency[Transaction],
    keyring: NamedDependency[Keyring],
    catalogue: NamedDependency[Catalogue],
) -> Shift:
    """The shift of whoever is signed in, with the menu of their role."""
    words = Words(tongue=page.tongue, catalogue=catalogue, keyring=keyring, front="console")
    own = msgspec.structs.replace(page, sections=menu(staff))
    return Shift(staff=staff, page=own, tx=tx, words=words)


def menu(staff: StaffSession) -> list[tuple[str, str]]:
    """The pages of one's duties."""
    pages = (
        (Duty.REVIEW_LOG, "dpo", "dpo"),
        (Duty.REVIEW_LOG, "log", "dpo/log"),
        (Duty.VERIFY_LOG, "integrity", "dpo/integrity"),
        (Duty.READ_PROPOSALS, "approvals", "dpo/approvals"),
        (Duty.DECIDE_ERASURE, "erasures", "dpo/erasures"),
        (Duty.REGISTER_PERSON, "desk", "desk"),
        (Duty.REGISTER_PERSON, "register", "desk/person/new"),
        (Duty.KEEP_PROGRAMMES, "programmes", "agency/programmes"),
        (Duty.TRACE_COMPLAINT, "trace", "trace"),
        (Duty.TRACE_FRAUD, "trace", "trace"),
        (Duty.PROPOSE, "proposals", "proposals"),
    )
    return [(name, address) for duty, name, address in pages if roles.may(staff.role, duty)]


def dependencies() -> dict[str, Provide]:
    """What the console's handlers may ask for by name."""
    return {"shift": Provide(shift)}
