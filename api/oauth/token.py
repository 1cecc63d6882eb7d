"""The token endpoint (RFC 6749 §3.2): one table of grants; each token is bound to its holder's key.

Refresh tokens are not rotated (FAPI 2.0 §5.3.2.1, 9): they are bound to the programme's
authentication, and a lost answer must not cost the programme its consent.
"""

import hmac
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import msgspec
from litestar import Response

from api.oauth import access_tokens, calls, details, from_authlib, id_tokens, keys
from api.oauth.bindings import Confirmation
from api.oauth.calls import AtHand, Call, Work
from api.oauth.details import Disclosure
from api.oauth.errors import NO_STORE, Denied
from api.running import Running
from consent import grants
from identity import codes, subjects, tokens
from identity.codes import AuthorizationCode, CodeReused
from identity.doors.gathering import Outdated
from identity.tokens import AccessToken, Authorized
from policies.legal_time import legal_day
from policies.vocabulary import AgreementId, PurposeId
from vault import database as db
from vault import signing


class TokenAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 6749 §5.1, RFC 9396 §7, RFC 9449 §5; `Bearer` where bound to a certificate."""

    access_token: str
    token_type: str
    expires_in: int
    authorization_details: list[Disclosure] = []
    """What was granted, which may be less than was asked."""
    refresh_token: str = ""
    scope: str = ""
    """`openid`, where an ID token was asked for; or what a token for grants may do."""
    id_token: str = ""
    grant_id: str = ""
    """Grant Management for OAuth 2.0 §4: where it was asked for."""


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """What a person's agreement comes to, before tokens are made of it."""

    authorized: Authorized
    family: UUID
    code: AuthorizationCode | None = None
    """What it comes of, where it comes of one: then there is to be a refresh token."""


GRANT_SCOPES: Final = ("grant_management_query", "grant_management_revoke")
"""Grant Management for OAuth 2.0 §6.1."""


async def give(running: Running, call: Call) -> Response[Any] | Denied | Outdated:
    """Answer one token request."""
    kind = call.parameters.get("grant_type")
    if kind is None:
        return Denied(error="invalid_request", reason="grant-type-missing")
    grant = GRANTS.get(kind)
    if grant is None:
        return Denied(error="unsupported_grant_type", reason="grant-type-unknown")
    if call.parameters.get("scope") is not None and kind != "client_credentials":
        return Denied(error="invalid_scope", reason="token-scope")
    if call.parameters.get("resource") not in {None, _resource(running, call)}:
        return Denied(error="invalid_target", reason="token-resource")
    if not call.binding.thumbprint:
        return Denied(error="invalid_dpop_proof", reason="token-unbound")
    return await grant(running, call)


async def client_credentials(
    running: Running, call: Call
) -> Response[TokenAnswer] | Denied | Outdated:
    """A programme under a law (RFC 6749 §4.4): what rests on consent is not to be had so.

    Or, with a scope, to see to its own grants.
    """
    scope = call.parameters.get("scope")
    authorized = _under_law(running, call) if scope is None else _for_grants(call, scope)
    if isinstance(authorized, Denied):
        return authorized
    if not await running.doors.is_still(call.client):
        return Outdated()
    token = tokens.new_access(authorized, db.instant())
    key = await keys.signing_with(running.database, running.keyring)
    issuer, itself = running.settings.issuer, authorized.client_id
    text = access_tokens.text(key, issuer, token, itself, call.binding)
    told = _told(text, token, call.binding)
    return _respond(msgspec.structs.replace(told, scope=" ".join(authorized.scope)))


def _under_law(running: Running, call: Call) -> Authorized | Denied:
    asked = call.parameters.get(details.PARAMETER)
    allowed = details.under_law(asked, call.client, running.catalogue, legal_day(call.at))
    if isinstance(allowed, Denied):
        return allowed
    return Authorized(
        client_id=call.client.client_id,
        agreement=allowed.agreement,
        purpose=allowed.purpose,
        attributes=allowed.attributes,
    )


def _for_grants(call: Call, scope: str) -> Authorized | Denied:
    asked = tuple(scope.split(" "))
    if not set(asked) <= set(GRANT_SCOPES) or len(set(asked)) != len(asked):
        return Denied(error="invalid_scope", reason="token-scope")
    if call.parameters.get(details.PARAMETER) is not None:
        return Denied(error="invalid_request", reason="token-scope-and-details")
    return Authorized(
        client_id=call.client.client_id,
        agreement=AgreementId(""),
        purpose=PurposeId(""),
        attributes={},
        scope=asked,
    )


async def authorization_code(at_hand: AtHand, call: Call) -> Response[TokenAnswer] | Denied:
    """A code, once, to the programme and the key it was made for (RFC 6749 §4.1.3)."""
    given = call.parameters.get("code")
    if given is None:
        return Denied(error="invalid_request", reason="code-missing")
    code = await codes.take(at_hand.short_lived, given)
    if isinstance(code, CodeReused):
        # One of the two who had it stole it: nothing that came of it stays (RFC 9700 §2.1.1).
        await tokens.revoke_family(at_hand.tx, code.family)
        return _no_grant("code-reused")
    wrong = "code-unknown" if code is None else _wrong_code(code, call)
    if code is None or wrong is not None:
        return _no_grant(wrong or "code-unknown")
    authorized = await _standing(at_hand, code.authorized)
    if isinstance(authorized, Denied):
        return authorized
    granted = Granted(authorized=authorized, family=code.family, code=code)
    return await _answer(at_hand, call, granted)


async def refresh_token(at_hand: AtHand, call: Call) -> Response[TokenAnswer] | Denied:
    """A new access token of an older authorization, as far as the consent still reaches."""
    given = call.parameters.get("refresh_token")
    if given is None:
        return Denied(error="invalid_request", reason="refresh-missing")
    found = await tokens.refresh(at_hand.tx, call.client.client_id, given)
    if found is None:
        return _no_grant("refresh-ended")
    authorized = await _standing(at_hand, found.authorized)
    if isinstance(authorized, Denied):
        return authorized
    return await _answer(at_hand, call, Granted(authorized=authorized, family=found.family))


GRANTS: Final[Mapping[str, Work]] = MappingProxyType(
    {
        "authorization_code": calls.whole(authorization_code),
        "client_credentials": client_credentials,
        "refresh_token": calls.whole(refresh_token),
    }
)
"""Grant type → how it is granted. What joins here shows in the metadata by itself."""


def _wrong_code(code: AuthorizationCode, call: Call) -> str | None:
    """Why a code is not this caller's to use; None if it is."""
    verifier = call.parameters.get("code_verifier") or ""
    checks = (
        ("code-of-another", code.authorized.client_id == call.client.client_id),
        ("code-redirect-uri", code.redirect_uri == call.parameters.get("redirect_uri")),
        ("code-verifier", from_authlib.is_verifier(verifier) and _fits(verifier, code)),
        ("code-key", code.dpop_jkt in {None, call.proof.jkt if call.proof else None}),
    )
    return next((reason for reason, met in checks if not met), None)


def _fits(verifier: str, code: AuthorizationCode) -> bool:
    return hmac.compare_digest(from_authlib.s256(verifier), code.code_challenge)


async def _standing(at_hand: AtHand, authorized: Authorized) -> Authorized | Denied:
    """What an authorization is still worth: what the person agrees to at this moment."""
    if authorized.grant_id is None:
        return _no_grant("consent-missing")
    consents = await grants.by_id(at_hand.tx, [authorized.grant_id])
    consent = consents.get(authorized.grant_id)
    if consent is None or not consent.discloses:
        return _no_grant("consent-ended")
    left = details.meet(at_hand.catalogue, authorized.attributes, consent.items)
    return (
        msgspec.structs.replace(authorized, attributes=left) if left else _no_grant("consent-ended")
    )


def _part(at_hand: AtHand, call: Call, authorized: Authorized) -> Authorized | Denied:
    """The part that was asked for, if one was."""
    given = call.parameters.get(details.PARAMETER)
    asked = None if given is None else details.parse(given)
    if isinstance(asked, Denied):
        return asked
    (whole,) = details.of(authorized)
    part = details.within(asked, whole, at_hand.catalogue)
    if isinstance(part, Denied):
        return part
    return msgspec.structs.replace(authorized, attributes=part.attributes)


async def _answer(at_hand: AtHand, call: Call, granted: Granted) -> Response[TokenAnswer] | Denied:
    """An access token for the part that was asked for; what lasts is made for all of it."""
    part = _part(at_hand, call, granted.authorized)
    if isinstance(part, Denied):
        return part
    token = tokens.new_access(part, at_hand.tx.now, family=granted.family)
    (subject,) = await subjects.of(at_hand.tx, at_hand.keyring, at_hand.catalogue, [part])
    key = await signing.active(at_hand.tx, at_hand.keyring, "token")
    text = access_tokens.text(key, at_hand.settings.issuer, token, subject, call.binding)
    told = _told(text, token, call.binding)
    if (code := granted.code) is not None:
        refresh = await tokens.issue_refresh(at_hand.tx, part.client_id, family=code.family)
        told = msgspec.structs.replace(
            told,
            refresh_token=refresh,
            scope=id_tokens.SCOPE if code.sid else "",
            id_token=await id_tokens.issue(at_hand, code) if code.sid else "",
            grant_id=str(part.grant_id) if code.grant_asked else "",
        )
    return _respond(told)


def _told(text: str, token: AccessToken, binding: Confirmation) -> TokenAnswer:
    return TokenAnswer(
        access_token=text,
        token_type=binding.token_type,
        expires_in=int((token.expires_at - token.issued_at).total_seconds()),
        authorization_details=details.of(token.authorized),
    )


def _respond(told: TokenAnswer) -> Response[TokenAnswer]:
    return Response(told, status_code=200, headers=dict(NO_STORE))


def _resource(running: Running, call: Call) -> str:
    """What a token of this request is for (RFC 8707)."""
    issuer = running.settings.issuer
    for_grants = call.parameters.get("scope") is not None
    return access_tokens.grants_resource(issuer) if for_grants else access_tokens.resource(issuer)


def _no_grant(reason: str) -> Denied:
    return Denied(error="invalid_grant", reason=reason)
