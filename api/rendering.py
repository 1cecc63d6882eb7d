"""Pages: templates filled in one language, escaped, with what every page carries."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from litestar import Request, Response
from litestar.enums import MediaType
from litestar.utils.scope.state import ScopeState
from markupsafe import Markup

from api import i18n
from api.i18n import Tongue
from policies.vocabulary import Language

TEMPLATES: Final = Path(__file__).parent / "templates"
STATIC: Final = Path(__file__).parent / "static"

Front = Literal["portal", "console"]
Sections = Sequence[tuple[str, str]]


class Pages(msgspec.Struct, frozen=True, kw_only=True):
    """All the pages of one front, in every language."""

    front: Front
    environment: Environment
    tongues: Mapping[Language, Tongue]


def pages(front: Front) -> Pages:
    """Load templates and catalogues once, when an app is made."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=select_autoescape(default=True),
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    stamps = {
        str(path.relative_to(STATIC)): hashlib.sha256(path.read_bytes()).hexdigest()[:10]
        for path in STATIC.rglob("*")
        if path.is_file()
    }
    environment.globals["asset"] = lambda name: f"/static/{name}?v={stamps[name]}"
    return Pages(front=front, environment=environment, tongues=i18n.tongues())


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """One answer to be written: whose, in which language, for which address."""

    pages: Pages
    tongue: Tongue
    address: str
    """Path and query of the request, without the language: what the language links keep.
    Nothing where the address names no language."""
    csrf: str
    signed_in: bool
    sections: Sections

    @property
    def language(self) -> Language:
        """The language of this page."""
        return self.tongue.language

    def path(self, *parts: object) -> str:
        """The address of a page of ours in this language."""
        return "/".join((f"/{self.language}", *(quote(str(part), safe="/") for part in parts)))

    def signed_out(self) -> "Page":
        """The same page, without the menu."""
        return msgspec.structs.replace(self, signed_in=False)

    def show(
        self,
        template: str,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        section: str = "",
        wide: bool = False,
        **view: Any,
    ) -> Response[str]:
        """Fill a template.

        Args:
            template: its name under `templates/`.
            status: of the HTTP answer.
            headers: beside the hard ones that every answer has.
            section: which link of the main menu is this page.
            wide: whether the page holds tables.
            view: what the template names; a name it lacks is a fault, not a blank.
        """
        found = self.pages.environment.get_template(template)
        html = found.render(**self._common(), section=section, wide=wide, **view)
        return Response(html, status_code=status, media_type=MediaType.HTML, headers=headers)

    def _common(self) -> dict[str, Any]:
        tongue = self.tongue
        return {
            "front": self.pages.front,
            "lang": tongue.language.value,
            "dir": tongue.direction,
            "languages": [
                {"code": each.value, "name": name, "href": f"/{each}{self.address}"}
                for each, name in i18n.NAMES.items()
            ],
            "csrf": self.csrf,
            "signed_in": self.signed_in,
            "sections": self.sections,
            "path": self.path,
            "t": tongue.t,
            "n": tongue.n,
            "plain": tongue.plain,
            "one_of": tongue.one_of,
            "day": tongue.day,
            "moment": tongue.moment,
            "month_name": tongue.month,
            "number": tongue.number,
        }


def page(
    pages: Pages,
    request: Request[Any, Any, Any],
    language: Language,
    *,
    signed_in: bool,
    sections: Sections,
) -> Page:
    """The page that a request asks for."""
    query = f"?{request.url.query}" if request.url.query and request.method == "GET" else ""
    start, slash, rest = request.url.path.removeprefix("/").partition("/")
    spoken = f"{slash}{rest}".rstrip("/") + query if start == language else ""
    token = ScopeState.from_scope(request.scope).csrf_token
    return Page(
        pages=pages,
        tongue=pages.tongues[language],
        address=spoken,
        csrf=token if isinstance(token, str) else "",
        signed_in=signed_in,
        sections=sections,
    )


def isolated(value: object) -> Markup:
    """A value of a person or a programme, kept from turning the line around it."""
    return Markup("<bdi>{}</bdi>").format(value)
