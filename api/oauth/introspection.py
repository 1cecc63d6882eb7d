"""Introspection (RFC 7662): a programme asks what a token of its own is worth; of others', none."""

from typing import Any

import msgspec
from litestar import Response

from api.oauth import access_tokens, details, keys, signed_introspection
from api.oauth.bindings import Confirmation
from api.oauth.calls import AtHand, Call
from api.oauth.details import Disclosure
from api.oauth.errors import NO_STORE, Denied
from consent import grants
from identity import tokens
from identity.tokens import AccessToken, Authorized, RefreshToken


class Introspected(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """RFC 7662 §2.2, 9396 §9.2, 9449 §6.2, 8705 §3.2. Of a worthless token: one member."""

    active: bool
    iss: str = ""
    aud: str = ""
    sub: str = ""
    client_id: str = ""
    token_type: str = ""
    iat: int = 0
    exp: int = 0
    cnf: Confirmation | None = None
    authorization_details: list[Disclosure] = []
    scope: str = ""


INACTIVE = Introspected(active=False)


async def introspect(at_hand: AtHand, call: Call) -> Response[Any] | Denied:
    """Answer one question about one token. `token_type_hint` is not needed and not read."""
    token = call.parameters.get("token")
    if token is None:
        return Denied(error="invalid_request", reason="token-missing")
    found, cnf = await _access(at_hand, token)
    found = found or await tokens.read_refresh(at_hand.tx, token)
    mine = found is not None and found.authorized.client_id == call.client.client_id
    said = INACTIVE
    if found is not None and mine and await _stands(at_hand, found.authorized):
        said = await _said(at_hand, found, cnf)
    if signed_introspection.is_wanted(call.accept):
        return await signed_introspection.answer(at_hand, call.client.client_id, said)
    return Response(said, status_code=200, headers=dict(NO_STORE))


async def _access(
    at_hand: AtHand, token: str
) -> tuple[AccessToken | RefreshToken | None, Confirmation | None]:
    """The row of an access token of ours, and what it is bound to."""
    published = await keys.verifying(at_hand.tx, at_hand.keyring)
    issuer = at_hand.settings.issuer
    either = (access_tokens.resource(issuer), access_tokens.grants_resource(issuer))
    claims = access_tokens.verify(token, published, issuer, at_hand.tx.now, audiences=either)
    if claims is None:
        return None, None
    return (await tokens.read(at_hand.tx, [claims.jti])).get(claims.jti), claims.cnf


async def _stands(at_hand: AtHand, authorized: Authorized) -> bool:
    """Whether the consent it rests on, if it rests on one, still stands."""
    if authorized.grant_id is None:
        return True
    consent = (await grants.by_id(at_hand.tx, [authorized.grant_id])).get(authorized.grant_id)
    return consent is not None and consent.discloses


async def _said(
    at_hand: AtHand, found: AccessToken | RefreshToken, cnf: Confirmation | None
) -> Introspected:
    issuer = at_hand.settings.issuer
    common = Introspected(
        active=True,
        iss=issuer,
        sub=await access_tokens.subject_of(at_hand, found.authorized),
        client_id=found.authorized.client_id,
        iat=int(found.issued_at.timestamp()),
        exp=int(found.expires_at.timestamp()),
        authorization_details=details.of(found.authorized),
    )
    if isinstance(found, RefreshToken) or cnf is None:
        return common
    return msgspec.structs.replace(
        common,
        aud=access_tokens.audience(issuer, found.authorized),
        scope=" ".join(found.authorized.scope),
        token_type=cnf.token_type,
        cnf=cnf,
    )
