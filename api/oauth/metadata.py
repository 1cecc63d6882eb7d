"""What is enabled here, no more and no less (RFC 8414, OpenID Connect Discovery 1.0, RFC 9728)."""

from typing import Final, get_args

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from api.oauth import (
    access_tokens,
    details,
    dpop,
    end_session,
    from_authlib,
    id_tokens,
    keys,
    par,
    signed_introspection,
    token,
)
from api.oauth.jwk import Alg
from api.settings import Settings
from identity.programmes import AuthMethod
from policies.vocabulary import Language

SERVER_PATH: Final = "/.well-known/oauth-authorization-server"
OPENID_PATH: Final = "/.well-known/openid-configuration"
"""The same document, where clients of OpenID Connect look for it."""
RESOURCE_PATH: Final = "/.well-known/oauth-protected-resource/v1"
"""RFC 9728 §3.1: the resource's path comes after the well-known part."""
FRESH: Final = {"Cache-Control": "public, max-age=300"}
ALGS: Final[tuple[str, ...]] = get_args(Alg)


class ServerMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 8414 §2, with RFC 9126 §5, 9207 §3, 9396 §10, 9449 §5.1, 9470 §6, 9701 §7, 9728 §4.

    With RFC 8705 §3.3 and §5, and OpenID Connect Discovery 1.0, section 3, and section 2.1 of its
    two logouts.
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    pushed_authorization_request_endpoint: str
    introspection_endpoint: str
    revocation_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    end_session_endpoint: str
    service_documentation: str
    protected_resources: tuple[str, ...]
    grant_types_supported: tuple[str, ...]
    response_types_supported: tuple[str, ...] = ("code",)
    response_modes_supported: tuple[str, ...] = ("query",)
    code_challenge_methods_supported: tuple[str, ...] = ("S256",)
    require_pushed_authorization_requests: bool = True
    authorization_response_iss_parameter_supported: bool = True
    token_endpoint_auth_methods_supported: tuple[str, ...]
    token_endpoint_auth_signing_alg_values_supported: tuple[str, ...] = ALGS
    introspection_endpoint_auth_methods_supported: tuple[str, ...]
    introspection_endpoint_auth_signing_alg_values_supported: tuple[str, ...] = ALGS
    introspection_signing_alg_values_supported: tuple[str, ...] = signed_introspection.ALGS
    revocation_endpoint_auth_methods_supported: tuple[str, ...]
    revocation_endpoint_auth_signing_alg_values_supported: tuple[str, ...] = ALGS
    dpop_signing_alg_values_supported: tuple[str, ...] = dpop.ALGS
    authorization_details_types_supported: tuple[str, ...] = (details.TYPE,)
    grant_management_endpoint: str
    grant_management_actions_supported: tuple[str, ...] = ("query", "revoke", *par.GRANT_ACTIONS)
    grant_management_action_required: bool = False
    acr_values_supported: tuple[str, ...] = par.ACRS
    scopes_supported: tuple[str, ...] = (id_tokens.SCOPE, *token.GRANT_SCOPES)
    subject_types_supported: tuple[str, ...] = ("pairwise",)
    id_token_signing_alg_values_supported: tuple[str, ...] = keys.ALGS
    claims_supported: tuple[str, ...] = id_tokens.IdToken.__struct_fields__
    prompt_values_supported: tuple[str, ...] = par.PROMPTS
    claims_parameter_supported: bool = False
    request_parameter_supported: bool = False
    request_uri_parameter_supported: bool = False
    """None but those of RFC 9126."""
    backchannel_logout_supported: bool = True
    backchannel_logout_session_supported: bool = True
    ui_locales_supported: tuple[str, ...] = tuple(Language)
    tls_client_certificate_bound_access_tokens: bool
    mtls_endpoint_aliases: dict[str, str] | msgspec.UnsetType = msgspec.UNSET
    """RFC 8705 §5: the same endpoints, where programmes with a certificate reach them."""


class ResourceMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 9728 §2."""

    resource: str
    authorization_servers: tuple[str, ...]
    resource_documentation: str
    resource_name: str = "Amana"
    bearer_methods_supported: tuple[str, ...] = ("header",)
    dpop_bound_access_tokens_required: bool
    tls_client_certificate_bound_access_tokens: bool
    dpop_signing_alg_values_supported: tuple[str, ...] = dpop.ALGS
    authorization_details_types_supported: tuple[str, ...] = (details.TYPE,)


def server(settings: Settings, grant_types: tuple[str, ...]) -> ServerMetadata:
    """What this authorization server does.

    Raises:
        ValueError: the document is none that RFC 8414 knows.
    """
    issuer = settings.issuer
    methods = _methods(settings)
    document = ServerMetadata(
        issuer=issuer,
        authorization_endpoint=f"{issuer}/authorize",
        token_endpoint=f"{issuer}/oauth/token",
        pushed_authorization_request_endpoint=f"{issuer}/oauth/par",
        introspection_endpoint=f"{issuer}/oauth/introspect",
        revocation_endpoint=f"{issuer}/oauth/revoke",
        jwks_uri=issuer + keys.PATH,
        userinfo_endpoint=f"{access_tokens.resource(issuer)}/userinfo",
        end_session_endpoint=issuer + end_session.PATH,
        grant_management_endpoint=access_tokens.grants_resource(issuer),
        service_documentation=f"{issuer}/docs",
        protected_resources=(access_tokens.resource(issuer),),
        grant_types_supported=grant_types,
        token_endpoint_auth_methods_supported=methods,
        introspection_endpoint_auth_methods_supported=methods,
        revocation_endpoint_auth_methods_supported=methods,
        tls_client_certificate_bound_access_tokens=bool(settings.mutual_tls),
        mtls_endpoint_aliases=_aliases(settings),
    )
    from_authlib.check_metadata(msgspec.json.decode(msgspec.json.encode(document)))
    return document


def _methods(settings: Settings) -> tuple[str, ...]:
    return tuple(AuthMethod) if settings.mutual_tls else (AuthMethod.PRIVATE_KEY_JWT,)


def _aliases(settings: Settings) -> dict[str, str] | msgspec.UnsetType:
    origin = settings.mutual_tls
    if origin in {"", settings.issuer}:
        return msgspec.UNSET
    return {
        "token_endpoint": f"{origin}/oauth/token",
        "pushed_authorization_request_endpoint": f"{origin}/oauth/par",
        "introspection_endpoint": f"{origin}/oauth/introspect",
        "revocation_endpoint": f"{origin}/oauth/revoke",
        "userinfo_endpoint": f"{access_tokens.resource(origin)}/userinfo",
        "grant_management_endpoint": access_tokens.grants_resource(origin),
    }


def resource(settings: Settings) -> ResourceMetadata:
    """What the resource API wants."""
    issuer = settings.issuer
    return ResourceMetadata(
        resource=access_tokens.resource(issuer),
        authorization_servers=(issuer,),
        resource_documentation=f"{issuer}/docs",
        dpop_bound_access_tokens_required=not settings.mutual_tls,
        tls_client_certificate_bound_access_tokens=bool(settings.mutual_tls),
    )


def handlers(settings: Settings, grant_types: tuple[str, ...]) -> list[HTTPRouteHandler]:
    """The documents: they change with a release, not with a request."""
    of_server, of_resource = server(settings, grant_types), resource(settings)

    @get(
        SERVER_PATH,
        tags=["Authorization"],
        operation_id="readServerMetadata",
        summary="Metadata of the authorization server",
    )
    async def server_metadata() -> Response[ServerMetadata]:
        """What this authorization server supports (RFC 8414)."""
        return Response(of_server, headers=dict(FRESH))

    @get(
        OPENID_PATH,
        tags=["Authorization"],
        operation_id="readOpenIdConfiguration",
        summary="The same, for OpenID Connect",
    )
    async def openid_configuration() -> Response[ServerMetadata]:
        """What this authorization server supports (OpenID Connect Discovery 1.0)."""
        return Response(of_server, headers=dict(FRESH))

    @get(
        RESOURCE_PATH,
        tags=["Authorization"],
        operation_id="readResourceMetadata",
        summary="Metadata of the resource API",
    )
    async def resource_metadata() -> Response[ResourceMetadata]:
        """What the resource API wants of a token (RFC 9728)."""
        return Response(of_resource, headers=dict(FRESH))

    return [server_metadata, openid_configuration, resource_metadata]
