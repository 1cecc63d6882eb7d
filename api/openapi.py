"""The interface description: `/openapi.json`, and as a page at `/docs` from our own origin."""

from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request, Response, get
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import OpenAPIRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme, Server, Tag
from litestar.types import ControllerRouterHandler

from api import problems
from api.settings import Settings

METHODS: Final = ("get", "post", "put", "delete")


def config(settings: Settings) -> OpenAPIConfig:
    """What Litestar needs to describe the public interface whole."""
    return OpenAPIConfig(
        title="Amana",
        version="1",
        summary="Identity and consent for social-protection registries",
        description=(
            "Programmes ask, and get the smallest lawful answer. Tokens are sender-constrained "
            "(DPoP, RFC 9449; mutual TLS, RFC 8705); a token says what may be asked. Each answer "
            "is decided again against the agreement, the law or the person's consent. Refusals are "
            "problem details (RFC 9457) with the types listed at /docs#problems."
        ),
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        servers=[Server(url=settings.issuer)],
        tags=[
            Tag(name="Answers", description="What a programme may ask about a person."),
            Tag(name="Authorization", description="OAuth 2 by the FAPI 2.0 security profile."),
            Tag(name="Log", description="The newest checkpoint of the access log."),
        ],
        components=Components(
            security_schemes={
                "dpop": SecurityScheme(
                    type="http",
                    scheme="DPoP",
                    description="RFC 9449: an access token bound to the caller's key, and a proof.",
                ),
                "mutual_tls": SecurityScheme(
                    type="mutualTLS",
                    description="RFC 8705: a client certificate; tokens are bound to it.",
                ),
                "private_key_jwt": SecurityScheme(
                    type="openIdConnect",
                    open_id_connect_url=f"{settings.issuer}/.well-known/oauth-authorization-server",
                    description="RFC 7523 client assertion; audience is the issuer.",
                ),
            }
        ),
        use_handler_docstrings=True,
        path="/docs",
        render_plugins=[Pages(path="/")],
    )


def handlers() -> list[ControllerRouterHandler]:
    """The description at the address everyone tries first."""
    return [description]


@get("/openapi.json", include_in_schema=False, sync_to_thread=False)
def description(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """The whole interface, OpenAPI 3.1."""
    schema = request.app.openapi_schema.to_schema()
    return Response(schema, media_type="application/vnd.oai.openapi+json")


class Pages(OpenAPIRenderPlugin):
    """The description as one readable page: no script, no bundle, nobody else's host."""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The page, in English: it is for programmers."""
        del request  # the same page for everyone
        pages = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        return (
            pages.get_template("openapi.html")
            .render(
                spec=openapi_schema,
                operations=list(_operations(openapi_schema)),
                schemas=openapi_schema.get("components", {}).get("schemas", {}),
                problems=problems.table(),
                kind=_kind,
            )
            .encode()
        )


def _operations(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"method": method.upper(), "path": path, **operations[method]}
        for path, operations in spec["paths"].items()
        for method in METHODS
        if method in operations
    ]


def _kind(schema: dict[str, Any]) -> str:
    """A schema in a word: a reference's name, a list of it, or its JSON type."""
    if reference := schema.get("$ref"):
        return str(reference).rpartition("/")[2]
    if "oneOf" in schema:
        return " or ".join(_kind(each) for each in schema["oneOf"])
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)
