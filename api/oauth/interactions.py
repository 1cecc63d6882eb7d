"""From a pushed request to a code: what the citizen's pages do in between.

An interaction belongs to the session that first opens it. The answer uses the pushed
request up; the code is made only when the citizen goes on from the receipt, so that
reading the receipt never outlives it.
"""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlencode, urlsplit
from uuid import UUID

import msgspec

from api.oauth import details, par
from api.oauth.calls import AtHand
from api.oauth.details import Items
from api.oauth.par import PushedRequest
from consent import grants, receipts
from consent.grants import Answer, Evidence, Grant, MayNot
from consent.receipts import Receipt
from identity import codes, tokens
from identity.codes import AuthorizationCode
from identity.login import sign_ons
from identity.login.sessions import CitizenSession
from identity.registry import pseudonyms
from identity.tokens import Authorized
from policies import stepping_up
from policies.catalogue import Catalogue
from policies.vocabulary import Language
from vault.short_lived import ShortLived

LIFE_SECONDS: Final = par.ANSWER_LIFE.total_seconds()


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What the citizen said."""

    items: Items
    """What they agreed to; empty where they refused."""
    grant_id: UUID | None = None
    receipt_id: UUID | None = None


class Interaction(msgspec.Struct, frozen=True, kw_only=True):
    """A citizen in front of a programme's question."""

    id: str
    """Random; in the address of the consent page."""
    pushed: PushedRequest
    started_at: datetime
    session: str | None = None
    """Whose it is: `CitizenSession.id` of the first to open it."""
    answered: Answered | None = None

    def required(self, catalogue: Catalogue) -> Items:
        """What the programme needs: agreed to whole or not at all."""
        return self._asked(catalogue, optional=False)

    def optional(self, catalogue: Catalogue) -> Items:
        """What the citizen may leave out."""
        return self._asked(catalogue, optional=True)

    def suits(self, session: CitizenSession) -> bool:
        """Whether the citizen signed in as the programme asks (RFC 9470 §4)."""
        return suits(self.pushed, session, self.started_at)

    def _asked(self, catalogue: Catalogue, *, optional: bool) -> Items:
        agreement = catalogue.agreement(self.pushed.disclosure.agreement)
        free = agreement.optional if agreement else ()
        asked = self.pushed.disclosure.attributes
        return {name: form for name, form in asked.items() if (name in free) is optional}


class Gone(msgspec.Struct, frozen=True, kw_only=True):
    """There is nothing to answer here: unknown, too old, another session's, or answered."""

    reason: str


class SignInAgain(msgspec.Struct, frozen=True, kw_only=True):
    """The programme asks for a sign-in of another kind, or a later one, than this session's."""


class NotAnswered(msgspec.Struct, frozen=True, kw_only=True):
    """The answer was not taken, and why; the question still stands."""

    reasons: tuple[str, ...]


class Unseen(msgspec.Struct, frozen=True, kw_only=True):
    """No, without a page: the code of OpenID Connect Core 3.1.2.6 for the programme."""

    error: str


class Approved(msgspec.Struct, frozen=True, kw_only=True):
    """The citizen agreed."""

    interaction: Interaction
    grant: Grant
    receipt: Receipt


def suits(pushed: PushedRequest, session: CitizenSession, now: datetime) -> bool:
    """Whether a citizen signed in as the programme asks: how, and how long before `now`."""
    longest = 0 if "login" in pushed.prompt else pushed.max_age
    return (not pushed.acr_values or stepping_up.reaches(session.acr, pushed.acr_values)) and (
        longest is None or session.auth_time >= now - timedelta(seconds=longest)
    )


async def start(short_lived: ShortLived, pushed: PushedRequest, now: datetime) -> Interaction:
    """Begin: nobody is signed in yet."""
    interaction = Interaction(id=secrets.token_urlsafe(32), pushed=pushed, started_at=now)
    await _keep(short_lived, interaction)
    return interaction


async def load(
    at_hand: AtHand, id_: str, session: CitizenSession
) -> Interaction | SignInAgain | Gone:
    """The question, for the session whose it is or becomes."""
    found = await _found(at_hand.short_lived, id_)
    if found is None:
        return Gone(reason="interaction-unknown")
    if not found.suits(session) or not await _is_expected(at_hand, found.pushed, session):
        return SignInAgain()
    if found.session is None:
        found = msgspec.structs.replace(found, session=session.id)
        await _keep(at_hand.short_lived, found)
    return found if found.session == session.id else Gone(reason="interaction-of-another")


async def approve(
    at_hand: AtHand,
    id_: str,
    session: CitizenSession,
    *,
    ticked: Collection[str],
    notice_hash: str,
    language: Language,
    birth_date: str | None,
) -> Approved | Interaction | NotAnswered | SignInAgain | Gone:
    """The citizen agrees to what is needed and to what they ticked.

    What was answered before stays as it was: a form that is sent twice changes nothing.

    Args:
        at_hand: what the request works with.
        id_: of the interaction.
        session: the citizen's.
        ticked: the optional items, by attribute.
        notice_hash: the words they were shown.
        language: in which.
        birth_date: the citizen's, as the register has it: it decides, and is not kept.
    """
    found = await load(at_hand, id_, session)
    if isinstance(found, Gone | SignInAgain) or found.answered is not None:
        return found
    free = found.optional(at_hand.catalogue)
    if not set(ticked) <= free.keys():
        return NotAnswered(reasons=("more-than-asked",))
    items = found.required(at_hand.catalogue) | {
        name: form for name, form in free.items() if name in ticked
    }
    if not await par.use_up(at_hand.short_lived, found.pushed):
        return Gone(reason="request-answered")
    answer = _answer(found, session, items, notice_hash, language)
    grant = await grants.give(
        at_hand.tx, at_hand.keyring, at_hand.catalogue, answer, birth_date=birth_date
    )
    if isinstance(grant, MayNot):
        await par.give_back(at_hand.short_lived, found.pushed)
        return NotAnswered(reasons=grant.reasons)
    receipt = await _receipt(at_hand, grant, language)
    answered = Answered(items=grant.items, grant_id=grant.id, receipt_id=receipt.id)
    done = msgspec.structs.replace(found, answered=answered)
    await _keep(at_hand.short_lived, done)
    return Approved(interaction=done, grant=grant, receipt=receipt)


async def refuse(
    at_hand: AtHand, id_: str, session: CitizenSession, *, notice_hash: str, language: Language
) -> Interaction | NotAnswered | SignInAgain | Gone:
    """The citizen does not agree: that is kept too, with its day."""
    found = await load(at_hand, id_, session)
    if isinstance(found, Gone | SignInAgain) or found.answered is not None:
        return found
    if not await par.use_up(at_hand.short_lived, found.pushed):
        return Gone(reason="request-answered")
    answer = _answer(found, session, {}, notice_hash, language)
    grant = await grants.refuse(at_hand.tx, at_hand.keyring, at_hand.catalogue, answer)
    if isinstance(grant, MayNot):
        await par.give_back(at_hand.short_lived, found.pushed)
        return NotAnswered(reasons=grant.reasons)
    done = msgspec.structs.replace(found, answered=Answered(items={}))
    await _keep(at_hand.short_lived, done)
    return done


async def silently(
    at_hand: AtHand, pushed: PushedRequest, session: CitizenSession | None
) -> str | Unseen | Gone:
    """Answer `prompt=none`: by what the citizen agreed to before, without a page, or not at all.

    Where the browser goes with a code; else what to tell the programme.
    """
    if not await par.use_up(at_hand.short_lived, pushed):
        return Gone(reason="request-answered")
    here = session is not None and suits(pushed, session, at_hand.tx.now)
    if session is None or not here or not await _is_expected(at_hand, pushed, session):
        return Unseen(error="login_required")
    asked = pushed.disclosure
    pair = (session.subject, pushed.client_id, asked.agreement)
    grant = (await grants.latest(at_hand.tx, [pair])).get(pair)
    if grant is None or not grant.discloses:
        return Unseen(error="consent_required")
    if not details.covers(at_hand.catalogue, grant.items, asked.attributes):
        return Unseen(error="consent_required")
    authorized = _of_grant(at_hand, pushed, grant, asked.attributes, session)
    return await _with_code(at_hand, pushed, authorized, session)


async def finish(at_hand: AtHand, id_: str, session: CitizenSession) -> str | Gone:
    """Where the browser goes now, once: to the programme, with a code or with the refusal."""
    found = await load(at_hand, id_, session)
    if isinstance(found, SignInAgain):
        return Gone(reason="interaction-of-another")
    if isinstance(found, Gone):
        return found
    if found.answered is None:
        return Gone(reason="interaction-unanswered")
    # One browser, one tab, once: the taker alone gets a code.
    if await at_hand.short_lived.take(_name(id_)) is None:
        return Gone(reason="interaction-finished")
    authorized = await _authorized(at_hand, found, found.answered, session)
    if authorized is None:
        return back_to(found.pushed, at_hand.settings.issuer, error="access_denied")
    return await _with_code(at_hand, found.pushed, authorized, session)


def back_to(pushed: PushedRequest, issuer: str, **outcome: str) -> str:
    """The registered address with the outcome, the programme's state and our name (RFC 9207)."""
    state = {} if pushed.state is None else {"state": pushed.state}
    said = urlencode(outcome | state | {"iss": issuer})
    joint = "&" if urlsplit(pushed.redirect_uri).query else "?"
    return f"{pushed.redirect_uri}{joint}{said}"


def _answer(
    found: Interaction, session: CitizenSession, items: Items, notice_hash: str, language: Language
) -> Answer:
    return Answer(
        subject=session.subject,
        programme=found.pushed.client_id,
        agreement=found.pushed.disclosure.agreement,
        notice_hash=notice_hash,
        language=language,
        evidence=Evidence(session=session.id, acr=session.acr, auth_time=session.auth_time),
        items=items,
    )


async def _receipt(at_hand: AtHand, grant: Grant, language: Language) -> Receipt:
    audience = at_hand.catalogue.audience(grant.programme)
    known = await pseudonyms.pairwise(at_hand.tx, at_hand.keyring, audience, [grant.subject])
    return await receipts.issue(
        at_hand.tx,
        at_hand.keyring,
        at_hand.catalogue,
        grant,
        language,
        principal=known[grant.subject],
    )


async def _authorized(
    at_hand: AtHand, found: Interaction, answered: Answered, session: CitizenSession
) -> Authorized | None:
    """What the code stands for: what was agreed to, if it still is."""
    if answered.grant_id is None:
        return None
    grant = (await grants.by_id(at_hand.tx, [answered.grant_id])).get(answered.grant_id)
    if grant is None or not grant.discloses or grant.subject != session.subject:
        return None
    return _of_grant(at_hand, found.pushed, grant, answered.items, session)


def _of_grant(
    at_hand: AtHand, pushed: PushedRequest, grant: Grant, items: Items, session: CitizenSession
) -> Authorized:
    return Authorized(
        client_id=pushed.client_id,
        agreement=grant.agreement,
        purpose=grant.purpose,
        attributes=details.meet(at_hand.catalogue, items, grant.items),
        grant_id=grant.id,
        subject=grant.subject,
        acr=session.acr,
        auth_time=session.auth_time,
    )


async def _is_expected(at_hand: AtHand, pushed: PushedRequest, session: CitizenSession) -> bool:
    """Whether the citizen is whom the programme means, if it says whom. Before all questions."""
    if pushed.grant_id is not None:
        own = await grants.one(at_hand.tx, session.subject, pushed.grant_id)
        if own is None:
            return False
    if pushed.hinted is None:
        return True
    audience = at_hand.catalogue.audience(pushed.client_id)
    people = await pseudonyms.resolve(at_hand.tx, at_hand.keyring, audience, [pushed.hinted])
    return people.get(pushed.hinted) == session.subject


async def _with_code(
    at_hand: AtHand, pushed: PushedRequest, authorized: Authorized, session: CitizenSession
) -> str:
    """Where the browser goes with a code that is made now."""
    sid = await sign_ons.note(at_hand.tx, session.id, pushed.client_id) if pushed.openid else None
    code = AuthorizationCode(
        family=await tokens.open_family(at_hand.tx, authorized),
        authorized=authorized,
        redirect_uri=pushed.redirect_uri,
        code_challenge=pushed.code_challenge,
        dpop_jkt=pushed.dpop_jkt,
        sid=sid,
        nonce=pushed.nonce,
        grant_asked=pushed.grant_action is not None,
        auth_time_asked=pushed.max_age is not None,
    )
    said = {"code": await codes.put(at_hand.short_lived, code)}
    return back_to(pushed, at_hand.settings.issuer, **said)


async def _found(short_lived: ShortLived, id_: str) -> Interaction | None:
    found = await short_lived.get(_name(id_))
    return None if found is None else msgspec.json.decode(found, type=Interaction)


async def _keep(short_lived: ShortLived, interaction: Interaction) -> None:
    await short_lived.put(_name(interaction.id), msgspec.json.encode(interaction), LIFE_SECONDS)


def _name(id_: str) -> str:
    return f"interaction:{hashlib.sha256(id_.encode()).hexdigest()}"
