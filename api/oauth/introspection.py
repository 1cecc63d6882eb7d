"""Introspection (RFC 7662): a programme asks what a token of its own is worth; of others', none."""

from typing import Any

import msgspec
from litestar import Response

from api.oauth import access_tokens, details, signed_introspection
from api.oauth.access_tokens import Claims
from api.oauth.bindings import Confirmation
from api.oauth.calls import Call
from api.oauth.details import Disclosure
from api.oauth.errors import NO_STORE, Denied
from api.running import Running
from identity.doors.gathering import ByProgramme, Outdated
from identity.doors.introspection import Question, Standing


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


async def introspect(running: Running, call: Call) -> Response[Any] | Denied | Outdated:
    """Answer one question about one token. `token_type_hint` is not needed and not read."""
    token = call.parameters.get("token")
    if token is None:
        return Denied(error="invalid_request", reason="token-missing")
    claims = await _claims(running, call, token)
    question = Question(
        programme=call.client.programme, token=token, access=claims.token if claims else None
    )
    asked = ByProgramme(client=call.client, question=question)
    standing = await running.doors.introspect(asked)
    if isinstance(standing, Outdated):
        return standing
    said = _said(running.settings.issuer, standing, claims) if standing else INACTIVE
    if signed_introspection.is_wanted(call.accept):
        return await signed_introspection.answer(running, call, said)
    return Response(said, status_code=200, headers=dict(NO_STORE))


async def _claims(running: Running, call: Call, token: str) -> Claims | None:
    """What an access token of ours says; None of any other text."""
    verified = await running.token_keys.verified(token)
    issuer = running.settings.issuer
    every = access_tokens.every_resource(issuer)
    return access_tokens.read(verified, issuer, call.at, audiences=every)


def _said(issuer: str, standing: Standing, claims: Claims | None) -> Introspected:
    found = standing.token
    common = Introspected(
        active=True,
        iss=issuer,
        sub=standing.subject,
        client_id=found.authorized.client_id,
        iat=int(found.issued_at.timestamp()),
        exp=int(found.expires_at.timestamp()),
        authorization_details=details.of(found.authorized),
    )
    if claims is None:
        return common
    return msgspec.structs.replace(
        common,
        aud=access_tokens.audience(issuer, found.authorized),
        scope=" ".join(found.authorized.scope),
        token_type=claims.cnf.token_type,
        cnf=claims.cnf,
    )
