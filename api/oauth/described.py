"""The forms of the protocol, for the interface description: the handlers read them raw."""

from dataclasses import dataclass
from typing import Final

from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType

from api.oauth import client_auth, details
from api.oauth.parameters import FORM

AUTHENTICATION: Final = {
    "client_id": "The programme: needed where a certificate says who asks (RFC 8705).",
    "client_assertion_type": client_auth.ASSERTION_TYPE,
    "client_assertion": "A JWT signed by the programme, for the issuer (RFC 7523); or none.",
}
DETAILS: Final = f"JSON: a list of one object of type {details.TYPE} (RFC 9396)."


def form(*required: str, **fields: str) -> type[Operation]:
    """An operation that takes a form of these fields, authenticated; which of them it needs."""
    described = AUTHENTICATION | fields
    schema = Schema(
        type=OpenAPIType.OBJECT,
        properties={
            name: Schema(type=OpenAPIType.STRING, description=text)
            for name, text in described.items()
        },
        required=list(required),
    )
    body = RequestBody(content={FORM: OpenAPIMediaType(schema=schema)}, required=True)

    @dataclass
    class FormOperation(Operation):
        def __post_init__(self) -> None:
            self.request_body = body

    return FormOperation


PUSH: Final = form(
    "response_type",
    "redirect_uri",
    "code_challenge",
    "code_challenge_method",
    details.PARAMETER,
    response_type="`code`",
    redirect_uri="One of the registered ones, character by character.",
    code_challenge="PKCE (RFC 7636).",
    code_challenge_method="`S256`",
    state="Comes back with the answer.",
    dpop_jkt="Thumbprint of the DPoP key the code is bound to, where no proof is sent.",
    scope="`openid`, where an ID token is wanted (OpenID Connect).",
    nonce="Comes back in the ID token.",
    prompt="`none`, or of `login` and `consent` (OpenID Connect).",
    id_token_hint="An earlier ID token: the same person is expected.",  # noqa: S106  (the same)
    grant_management_action="`create`, `merge` or `replace` (Grant Management for OAuth 2.0).",
    grant_id="The grant that is merged or replaced.",
    acr_values="Ways to sign in, any of which will do (RFC 9470).",
    max_age="Seconds since the person signed in, at most (RFC 9470).",
    ui_locales="Languages of the consent page, best first.",
    authorization_details=DETAILS,
)
TOKEN: Final = form(
    "grant_type",
    grant_type="`client_credentials`, `authorization_code` or `refresh_token`.",
    code="Of an authorization; good for 60 seconds, once.",
    redirect_uri="As it was pushed.",
    code_verifier="PKCE (RFC 7636).",
    refresh_token="Not rotated.",  # noqa: S106  (what the documentation says of it)
    scope="In place of details: `grant_management_query`, `grant_management_revoke`, or both.",
    authorization_details=f"{DETAILS} Of an authorization, a part may be asked for.",
)
ONE_TOKEN: Final = form("token", token="An access token or a refresh token.")  # noqa: S106  (the same)
