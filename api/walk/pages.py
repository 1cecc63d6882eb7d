"""A page as a person without scripts sees it: its words, its links, its forms."""

from collections.abc import Iterator
from html.parser import HTMLParser

import msgspec

Attributes = dict[str, str]


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One thing a form sends, or offers to send."""

    name: str
    kind: str
    value: str = ""
    chosen: bool = False
    """Whether a box is ticked or an option picked when the page arrives."""

    @property
    def offered(self) -> bool:
        """Whether it is sent only if the person chooses it."""
        return self.kind in {"checkbox", "radio", "option"}


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """One form, as it arrives."""

    action: str
    method: str
    fields: tuple[Field, ...]
    buttons: tuple[Field, ...]

    def offers(self, name: str) -> list[str]:
        """The values a person may choose from, under one name; the empty one is no choice."""
        found = [each for each in (*self.fields, *self.buttons) if each.name == name]
        return [each.value for each in found if each.value]

    def has(self, *names: str) -> bool:
        """Whether it asks for all of these."""
        return set(names) <= {each.name for each in (*self.fields, *self.buttons)}

    def filled(self, **values: str | list[str]) -> dict[str, list[str]]:
        """What is sent when a person fills these in and leaves the rest as it is."""
        sent: dict[str, list[str]] = {}
        for field in self.fields:
            if field.name not in values and (field.chosen or not field.offered):
                sent.setdefault(field.name, []).append(field.value)
        for name, value in values.items():
            sent[name] = [value] if isinstance(value, str) else value
        return sent


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What is on a page."""

    title: str
    words: str
    """All that can be read, with single spaces."""
    links: tuple[str, ...]
    forms: tuple[Form, ...]

    def form(self, *names: str) -> Form | None:
        """The first form that asks for all of these."""
        return next((form for form in self.forms if form.has(*names)), None)

    def linking(self, part: str) -> list[str]:
        """The links whose address has this part, each once."""
        return list(dict.fromkeys(link for link in self.links if part in link))


def read(markup: str) -> Page:
    """Read a page."""
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return Page(
        title=" ".join("".join(reader.title).split()),
        words=" ".join(" ".join(reader.words).split()),
        links=tuple(reader.links),
        forms=tuple(_forms(reader.forms)),
    )


class _Open:
    """A form that is being read."""

    def __init__(self, attributes: Attributes) -> None:
        self.action = attributes.get("action", "")
        self.method = attributes.get("method", "get").lower()
        self.fields: list[Field] = []
        self.buttons: list[Field] = []


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.title: list[str] = []
        self.words: list[str] = []
        self.links: list[str] = []
        self.forms: list[_Open] = []
        self._inside: list[str] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self._inside.append(tag)
        match tag:
            case "a" if "href" in attributes:
                self.links.append(attributes["href"])
            case "form":
                self.forms.append(_Open(attributes))
            case "select":
                self._select = attributes.get("name", "")
            case "input" | "textarea" | "option" | "button" if self.forms:
                self._control(tag, attributes)

    def handle_endtag(self, tag: str) -> None:
        while tag in self._inside and self._inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "title" in self._inside:
            self.title.append(data)
        elif not {"script", "style"} & set(self._inside):
            self.words.append(data)

    def _control(self, tag: str, attributes: Attributes) -> None:
        kind = attributes.get("type", "text" if tag == "input" else tag)
        field = Field(
            name=self._select if tag == "option" else attributes.get("name", ""),
            kind="option" if tag == "option" else kind,
            value=attributes.get("value", "on" if kind in {"checkbox", "radio"} else ""),
            chosen=bool({"checked", "selected"} & attributes.keys()),
        )
        if tag == "button" or kind in {"submit", "image"}:
            self.forms[-1].buttons.append(field)
        elif field.name:
            self.forms[-1].fields.append(field)


def _forms(read_forms: list[_Open]) -> Iterator[Form]:
    for each in read_forms:
        yield Form(
            action=each.action,
            method=each.method,
            fields=tuple(each.fields),
            buttons=tuple(each.buttons),
        )
