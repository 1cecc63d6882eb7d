"""The consent screen: a programme asks; each optional item has its own box, no costs what yes does.

What is asked, by whom and in which words comes from our own register; nothing on the page
is written by the programme. Whether the answer makes a consent is decided below.
"""

from typing import Any, Final
from urllib.parse import quote

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency, Provide
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, URLEncodedBody

from api.fronts import see_other
from api.oauth import calls, interactions
from api.oauth.calls import AtHand
from api.oauth.interactions import (
    Answered,
    Approved,
    Gone,
    Interaction,
    NotAnswered,
    SignInAgain,
)
from api.portal import questions
from api.portal.visits import Visit
from consent import grants

GONE: Final = 410
"""What was asked cannot be answered any more (RFC 9110, 15.5.11)."""
UNPROCESSABLE: Final = 422
"""The form was understood and does not make a consent (RFC 9110, 15.5.21)."""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """The form: the button, the boxes that were ticked, the words that were shown."""

    answer: str = ""
    item: list[str] | str = []
    notice: str = ""

    @property
    def ticked(self) -> tuple[str, ...]:
        """The optional items; one box alone comes as a bare text."""
        return (self.item,) if isinstance(self.item, str) else tuple(self.item)


class Counter(msgspec.Struct, frozen=True, kw_only=True):
    """A citizen before a question, and what it takes to answer it."""

    visit: Visit
    at_hand: AtHand


async def counter(visit: NamedDependency[Visit], at_hand: NamedDependency[AtHand]) -> Counter:
    """Everything of a visit, and where questions wait."""
    return Counter(visit=visit, at_hand=at_hand)


def dependencies() -> dict[str, Provide]:
    """What these handlers ask for by name, beside the visit."""
    return {"at_hand": Provide(calls.at_hand), "counter": Provide(counter)}


@get("/consent/{interaction:str}")
async def read_request(
    interaction: FromPath[str], counter: NamedDependency[Counter]
) -> Response[Any]:
    """Who asks for what, why, and until when; yes and no side by side."""
    visit = counter.visit
    match await interactions.load(counter.at_hand, interaction, visit.citizen):
        case Gone():
            return _gone(visit)
        case SignInAgain():
            return _sign_in(visit, interaction)
        case Interaction(answered=None) as asked:
            return await _show(visit, asked)
        case Interaction():
            return see_other(visit.page.path("consent", interaction, "done"))


@post("/consent/{interaction:str}", status_code=303)
async def answer_request(
    interaction: FromPath[str],
    data: URLEncodedBody[Given],
    counter: NamedDependency[Counter],
) -> Response[Any]:
    """Yes or no, in one step each."""
    visit = counter.visit
    match await _answer(counter, interaction, data):
        case Gone():
            return _gone(visit)
        case SignInAgain():
            return _sign_in(visit, interaction)
        case NotAnswered(reasons=reasons):
            return await _again(counter, interaction, data, reasons)
        case Approved() | Interaction():
            return see_other(visit.page.path("consent", interaction, "done"))


@get("/consent/{interaction:str}/done")
async def answered(interaction: FromPath[str], counter: NamedDependency[Counter]) -> Response[Any]:
    """What was answered, the receipt, and the way on to the programme."""
    visit = counter.visit
    found = await interactions.load(counter.at_hand, interaction, visit.citizen)
    if isinstance(found, Gone | SignInAgain):
        return _gone(visit)
    if found.answered is None:
        return see_other(visit.page.path("consent", interaction))
    return await _receipt(visit, found, found.answered)


async def _answer(
    counter: Counter, interaction: str, data: Given
) -> Approved | Interaction | NotAnswered | SignInAgain | Gone:
    visit = counter.visit
    match data.answer:
        case "agree":
            return await interactions.approve(
                counter.at_hand,
                interaction,
                visit.citizen,
                ticked=data.ticked,
                notice_hash=data.notice,
                language=visit.language,
                birth_date=await questions.birth_date(visit),
            )
        case "refuse":
            return await interactions.refuse(
                counter.at_hand,
                interaction,
                visit.citizen,
                notice_hash=data.notice,
                language=visit.language,
            )
        case _:
            return NotAnswered(reasons=("nothing-agreed",))


async def _show(visit: Visit, asked: Interaction) -> Response[str]:
    it = await questions.asked(visit, asked)
    if it is None:
        return _gone(visit)
    return visit.page.show("portal/consent.html", it=it, ticked=(), problems={})


async def _again(
    counter: Counter, interaction: str, data: Given, reasons: tuple[str, ...]
) -> Response[Any]:
    """The same screen, what was ticked still ticked, and why it makes no consent."""
    visit = counter.visit
    asked = await interactions.load(counter.at_hand, interaction, visit.citizen)
    it = None if isinstance(asked, Gone | SignInAgain) else await questions.asked(visit, asked)
    if it is None:
        return _gone(visit)
    problems = {"needed": visit.page.tongue.key_of("cannot", reasons[0])}
    return visit.page.show(
        "portal/consent.html", status=UNPROCESSABLE, it=it, ticked=data.ticked, problems=problems
    )


async def _receipt(visit: Visit, asked: Interaction, answer: Answered) -> Response[str]:
    grant = answer.grant_id and await grants.one(visit.tx, visit.subject, answer.grant_id)
    if answer.grant_id and not grant:
        raise NotFoundException
    return visit.page.show(
        "portal/answered.html",
        answer="agreed" if grant else "refused",
        programme=visit.words.programme(asked.pushed.client_id),
        given=visit.words.things(answer.items.items()),
        grant=grant,
        receipt=answer.receipt_id,
        onward=f"/authorize/continue/{asked.id}",
    )


def _sign_in(visit: Visit, interaction: str) -> Response[bytes]:
    """To sign in once more, and back to the question."""
    back = quote(visit.page.path("consent", interaction), safe="")
    return see_other(f"{visit.page.path('sign-in')}?next={back}")


def _gone(visit: Visit) -> Response[str]:
    return visit.page.show("portal/consent_gone.html", status=GONE)
