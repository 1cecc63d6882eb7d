"""Pushed authorization requests (RFC 9126): everything is checked before the browser is involved.

A request may be opened several times before the person answers, and is used up by the answer.
"""

import hashlib
import re
import secrets
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from litestar import Response

from api.oauth import access_tokens, details, from_authlib, id_tokens, keys
from api.oauth.calls import AtHand, Call
from api.oauth.details import Disclosure
from api.oauth.errors import NO_STORE, Denied
from api.oauth.id_tokens import SCOPE
from consent import grants
from consent.grants import Grant
from policies import stepping_up
from policies.legal_time import legal_day
from policies.vocabulary import Language, ProgrammeId
from vault.short_lived import ShortLived

URN: Final = "urn:ietf:params:oauth:request_uri:"
LIFE: Final = timedelta(seconds=300)
"""Time to open it: RFC 9126 §2.2 suggests 5 to 600 s, FAPI 2.0 less than 600 s."""
ANSWER_LIFE: Final = timedelta(minutes=30)
"""Time to sign in, read and answer, once it was opened."""
STATE_CHARACTERS: Final = 1024
NOT_HERE: Final = ("claims", "login_hint")
"""OpenID Connect's: refused and not ignored. A hint would carry a citizen's number through others;
claims are asked for as authorization_details, which the person reads."""
PROMPTS: Final = ("none", "login", "consent")
"""What of OpenID Connect's `prompt` there is here; consent is asked for in any case but `none`."""
NONCE_CHARACTERS: Final = 256
GRANT_ACTIONS: Final = ("create", "merge", "replace")
ACRS: Final = stepping_up.LEVELS
"""The ways to sign in that a programme may ask for (RFC 9470 §4)."""
_SECONDS: Final = re.compile(r"[0-9]{1,9}")
_JKT: Final = re.compile(r"[A-Za-z0-9\-_]{43}")


class PushedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a programme asks a person, checked whole and narrowed to the agreement."""

    client_id: ProgrammeId
    redirect_uri: str
    state: str | None
    code_challenge: str
    dpop_jkt: str | None
    disclosure: Disclosure
    language: Language | None
    expires_at: datetime
    acr_values: tuple[str, ...] = ()
    """Any of these ways to have signed in; none named: every way will do."""
    max_age: int | None = None
    """Seconds since the person signed in, at most (RFC 9470 §4)."""
    openid: bool = False
    """Whether an ID token is asked for."""
    nonce: str | None = None
    prompt: tuple[str, ...] = ()
    grant_action: str | None = None
    """`create`, `merge` or `replace` (Grant Management for OAuth 2.0 §5.1)."""
    grant_id: UUID | None = None
    """The consent that is to be merged or replaced: its person alone may answer."""
    hinted: str | None = None
    """Whom the programme takes the person for, by its own identifier (`id_token_hint`)."""
    reference: str
    """Names it in the short-lived store; the hash of what the browser carries."""


class Pushed(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 9126 §2.2."""

    request_uri: str
    expires_in: int


async def push(at_hand: AtHand, call: Call) -> Response[Pushed] | Denied:
    """Check and keep a request."""
    for denied, met in _checks(call, access_tokens.resource(at_hand.settings.issuer)):
        if not met:
            return denied
    asked = details.parse(call.parameters.get(details.PARAMETER))
    if isinstance(asked, Denied):
        return asked
    before = await _grant(at_hand, call, asked)
    if isinstance(before, Denied):
        return before
    if before is not None and call.parameters.get("grant_management_action") == "merge":
        asked = msgspec.structs.replace(asked, attributes=before.items | asked.attributes)
    granted = details.under_consent(
        asked, call.client, at_hand.catalogue, legal_day(at_hand.tx.now)
    )
    if isinstance(granted, Denied):
        return granted
    hinted = await _hinted(at_hand, call)
    if isinstance(hinted, Denied):
        return hinted
    request_uri = URN + secrets.token_urlsafe(32)
    request = _request(call, granted, request_uri, at_hand.tx.now)
    found = {"hinted": hinted, "grant_id": before.id if before else None}
    await _keep(at_hand.short_lived, msgspec.structs.replace(request, **found))
    return Response(
        Pushed(request_uri=request_uri, expires_in=int(LIFE.total_seconds())),
        status_code=201,
        headers=dict(NO_STORE),
    )


async def find(short_lived: ShortLived, request_uri: str, now: datetime) -> PushedRequest | None:
    """What stands behind a request_uri; None if it is unknown, too old or used up."""
    found = await short_lived.get(_name(_reference(request_uri)))
    request = None if found is None else msgspec.json.decode(found, type=PushedRequest)
    return request if request and now < request.expires_at else None


async def use_up(short_lived: ShortLived, request: PushedRequest) -> bool:
    """Take a request to answer it. False if it was answered: of two tabs one gets it."""
    return await short_lived.take(_name(request.reference)) is not None


async def give_back(short_lived: ShortLived, request: PushedRequest) -> None:
    """Undo `use_up`: there was no answer after all."""
    await _keep(short_lived, request)


def _checks(call: Call, resource: str) -> Iterator[tuple[Denied, bool]]:
    given = call.parameters.get
    for name in ("request_uri", "request"):
        yield (
            _wrong(f"par-{name.replace('_', '-')}", f"{name} does not belong here"),
            not given(name),
        )
    yield _wrong("par-response-type", "response_type is required"), bool(given("response_type"))
    yield (
        Denied(error="unsupported_response_type", reason="par-response-type"),
        given("response_type") == "code",
    )
    yield (
        _wrong("par-response-mode", "response_mode is query"),
        given("response_mode") in {None, "query"},
    )
    yield (
        _wrong("par-redirect-uri", "redirect_uri is not one of the registered ones"),
        # Compared as a string and nothing else (RFC 9700 §4.1.3).
        given("redirect_uri") in call.client.redirect_uris,
    )
    yield (
        _wrong("par-pkce", "PKCE with S256 is required"),
        given("code_challenge_method") == "S256"
        and from_authlib.is_challenge(given("code_challenge") or ""),
    )
    yield Denied(error="invalid_scope", reason="par-scope"), given("scope") in {None, SCOPE}
    yield _wrong("par-nonce", "nonce is too long"), len(given("nonce") or "") <= NONCE_CHARACTERS
    yield _wrong("par-prompt", "prompt is none, or of login and consent"), _is_prompt(call)
    yield (
        Denied(error="invalid_target", reason="par-resource"),
        given("resource") in {None, resource},
    )
    yield _wrong("par-state", "state is too long"), len(given("state") or "") <= STATE_CHARACTERS
    yield (
        _wrong("par-max-age", "max_age is a number of seconds"),
        _SECONDS.fullmatch(given("max_age") or "0") is not None,
    )
    yield (
        Denied(error="unmet_authentication_requirements", reason="par-acr-values"),
        given("acr_values") is None or bool(_acrs(call)),
    )
    yield _wrong("par-grant", "grant_id goes with merge or replace"), _is_grant_action(call)
    yield _wrong("par-openid", "a parameter is not supported"), not any(map(given, NOT_HERE))
    yield _wrong("par-dpop-jkt", "dpop_jkt is not the key of the proof"), _one_key(call)


def _is_prompt(call: Call) -> bool:
    """Whether `prompt`, where it is given, is one that we have; `none` goes with nothing else."""
    given = call.parameters.get("prompt")
    asked = given.split(" ") if given is not None else []
    return set(asked) <= set(PROMPTS) and ("none" not in asked or len(asked) == 1)


def _is_grant_action(call: Call) -> bool:
    action = call.parameters.get("grant_management_action")
    named = call.parameters.get("grant_id") is not None
    return action in {None, *GRANT_ACTIONS} and named == (action in {"merge", "replace"})


async def _grant(at_hand: AtHand, call: Call, asked: Disclosure) -> Grant | Denied | None:
    """The consent of its own, under the same agreement, that a programme wants to change."""
    named = call.parameters.get("grant_id")
    if named is None:
        return None
    unknown = Denied(error="invalid_grant_id", reason="par-grant-id")
    try:
        grant_id = UUID(named)
    except ValueError:
        return unknown
    grant = (await grants.by_id(at_hand.tx, [grant_id])).get(grant_id)
    own = (call.client.programme, asked.agreement)
    if grant is None or not grant.active or (grant.programme, grant.agreement) != own:
        return unknown
    return grant


async def _hinted(at_hand: AtHand, call: Call) -> str | Denied | None:
    """Whom an `id_token_hint` is about: it must be one of ours, made for this programme."""
    token = call.parameters.get("id_token_hint")
    if token is None:
        return None
    known = await keys.verifying(at_hand.tx, at_hand.keyring)
    said = id_tokens.hint(token, known, at_hand.settings.issuer)
    if said is None or said.aud != call.client.client_id:
        return _wrong("par-id-token-hint", "id_token_hint is no ID token of yours")
    return said.sub


def _one_key(call: Call) -> bool:
    """Whether `dpop_jkt` and the proof, where both are given, name one key (RFC 9449 §10.1)."""
    named = call.parameters.get("dpop_jkt")
    if named is None:
        return True
    return _JKT.fullmatch(named) is not None and (call.proof is None or call.proof.jkt == named)


def _request(call: Call, granted: Disclosure, request_uri: str, now: datetime) -> PushedRequest:
    given = call.parameters.get
    return PushedRequest(
        client_id=call.client.client_id,
        redirect_uri=given("redirect_uri") or "",
        state=given("state"),
        code_challenge=given("code_challenge") or "",
        dpop_jkt=call.proof.jkt if call.proof else given("dpop_jkt"),
        disclosure=granted,
        language=language(given("ui_locales") or ""),
        expires_at=now + LIFE,
        acr_values=_acrs(call),
        max_age=None if (age := given("max_age")) is None else int(age),
        openid=given("scope") == SCOPE,
        nonce=given("nonce"),
        grant_action=given("grant_management_action"),
        prompt=tuple(asked.split(" ")) if (asked := given("prompt")) is not None else (),
        reference=_reference(request_uri),
    )


def _acrs(call: Call) -> tuple[str, ...]:
    """Those ways to sign in that are asked for and there."""
    asked = (call.parameters.get("acr_values") or "").split(" ")
    return tuple(each for each in asked if each in ACRS)


def language(wished: str) -> Language | None:
    """The first wish that we have (OpenID Connect Core §3.1.2.1)."""
    ours = set(Language)
    tags = (tag.partition("-")[0].lower() for tag in wished.split(" "))
    return next((Language(tag) for tag in tags if tag in ours), None)


async def _keep(short_lived: ShortLived, request: PushedRequest) -> None:
    seconds = (LIFE + ANSWER_LIFE).total_seconds()
    await short_lived.put(_name(request.reference), msgspec.json.encode(request), seconds)


def _reference(request_uri: str) -> str:
    return hashlib.sha256(request_uri.encode()).hexdigest()


def _name(reference: str) -> str:
    return f"par:{reference}"


def _wrong(reason: str, description: str) -> Denied:
    return Denied(error="invalid_request", reason=reason, description=description)
