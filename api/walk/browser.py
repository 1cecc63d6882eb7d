"""A browser without scripts: cookies, redirects followed by hand, forms filled in and sent."""

from types import TracebackType
from typing import Final, Self
from urllib.parse import urlencode, urljoin, urlsplit

import httpx2
import msgspec

from api.walk import pages
from api.walk.pages import Form, Page
from api.walk.telling import SurpriseError, Teller, expect

HOPS: Final = 10
PATIENCE_SECONDS: Final = 30


class Left(msgspec.Struct, frozen=True, kw_only=True):
    """The browser was sent to another site, which it does not visit."""

    location: str


class Browser:
    """One person's browser, at home on one origin."""

    def __init__(self, origin: str, teller: Teller) -> None:
        """Open it; nothing is sent yet."""
        self.origin = origin.rstrip("/")
        self.address = f"{self.origin}/"
        self._client = httpx2.Client(
            event_hooks=teller.hooks(), timeout=PATIENCE_SECONDS, trust_env=False
        )

    def __enter__(self) -> Self:
        """Use it for a while."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Close it."""
        self._client.close()

    def open(self, address: str) -> Page:
        """Go to a page of the site and read it."""
        return self._page(self._follow(self._get(address)))

    def download(self, address: str) -> httpx2.Response:
        """Fetch a file of the site."""
        response = self._get(address)
        expect(response.status_code == httpx2.codes.OK, "the file", response.status_code)
        return response

    def send(self, form: Form, **values: str | list[str]) -> Page:
        """Fill in a form, send it, and read the page it leads to."""
        if form.method == "get":
            query = urlencode(form.filled(**values), doseq=True)
            return self.open(f"{form.action.partition('?')[0]}?{query}")
        return self._page(self._follow(self._post(form, values)))

    def leave(self, address: str) -> str:
        """Follow a link that leads to another site; where it leads."""
        found = self._follow(self._get(address))
        if isinstance(found, Left):
            return found.location
        raise SurpriseError("a redirect to another site", found.status_code)

    def _get(self, address: str) -> httpx2.Response:
        self.address = urljoin(self.address, address)
        return self._client.get(self.address, headers={"Accept": "text/html, */*;q=0.1"})

    def _post(self, form: Form, values: dict[str, str | list[str]]) -> httpx2.Response:
        target = urljoin(self.address, form.action)
        expect(target.startswith(f"{self.origin}/"), "a form that stays on its site", target)
        # What a browser says of a form that was sent from a page of the same site.
        headers = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
        return self._client.post(target, data=form.filled(**values), headers=headers)

    def _follow(self, response: httpx2.Response) -> httpx2.Response | Left:
        for _ in range(HOPS):
            if not response.is_redirect:
                return response
            code = response.status_code
            expect(code == httpx2.codes.SEE_OTHER, "303 See Other", code)
            location = urljoin(str(response.url), response.headers["location"])
            if _site(location) != _site(self.origin):
                return Left(location=location)
            response = self._get(location)
        raise SurpriseError("an end of the redirects", f"{HOPS} of them")

    def _page(self, found: httpx2.Response | Left) -> Page:
        if isinstance(found, Left):
            raise SurpriseError("a page of this site", found.location)
        expect(found.is_success, "a page", f"{found.status_code} at {found.url.path}")
        self.address = str(found.url)
        return pages.read(found.text)


def _site(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc
