"""Revocation (RFC 7009): a programme gives a token back. Rubbish gets the same 200."""

from litestar import Response

from api.oauth import access_tokens, keys
from api.oauth.calls import AtHand, Call
from api.oauth.errors import NO_STORE, Denied
from identity import tokens


async def revoke(at_hand: AtHand, call: Call) -> Response[dict[str, str]] | Denied:
    """Revoke a token; a refresh token takes the access tokens of its authorization along."""
    token = call.parameters.get("token")
    if token is None:
        return Denied(error="invalid_request", reason="token-missing")
    tx, client = at_hand.tx, call.client.client_id
    verified = keys.signed_by(await keys.verifying(tx, at_hand.keyring), token)
    issuer = at_hand.settings.issuer
    every = access_tokens.every_resource(issuer)
    claims = access_tokens.read(verified, issuer, tx.now, audiences=every)
    if claims is not None:
        await tokens.revoke_access(tx, client, claims.token)
    else:
        await tokens.revoke_refresh(tx, client, token)
    return Response({}, status_code=200, headers=dict(NO_STORE))
