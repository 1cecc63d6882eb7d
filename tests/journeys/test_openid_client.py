"""A programme written with openid-client, the certified library, against our servers."""

import json
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "openid_client"
CALLBACK = "https://programme.example/callback"
PROGRAMME = {
    "type": "amana_disclosure",
    "agreement": "amo-tadamon/enrolment",
    "purpose": "social-support/health-cover",
}


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """The journey beside its library, as the lock has it."""
    from tests.conftest import missing

    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        missing("node", "no node and npm")
    place = tmp_path_factory.mktemp("openid-client")
    for name in ("package.json", "package-lock.json", "journey.mjs"):
        shutil.copy(HERE / name, place)
    installed = subprocess.run(
        [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=place, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    if installed.returncode:
        missing("node", f"npm ci failed: {installed.stderr[-300:]}")
    return [node, place / "journey.mjs"]


@pytest.fixture
def programme(library, world):
    """The programme, started and told who it is."""
    with subprocess.Popen(
        library, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, bufsize=1,
    ) as running:  # fmt: skip
        tell(
            running,
            issuer=world.public,
            client_id="amo-tadamon",
            key=dict(world.key),
            redirect_uri=CALLBACK,
            by_law=PROGRAMME | {"attributes": {"given_name": "match"}},
            by_consent=PROGRAMME | {"attributes": {"eligibility": "decision", "phone": "raw"}},
        )
        yield running
        running.kill()


def tell(running, **what):
    running.stdin.write(f"{json.dumps(what)}\n")


def hear(running):
    line = running.stdout.readline()
    assert line, running.stderr.read()
    return json.loads(line)


def out_of_here(visitor, path):
    """Where the browser is sent, not followed."""
    cookies = urllib.request.HTTPCookieProcessor(visitor.cookies)
    with pytest.raises(urllib.error.HTTPError) as sent:
        urllib.request.build_opener(NoRedirect, cookies).open(visitor.origin + path)
    with sent.value as answer:
        assert answer.code == 303
        return answer.headers["location"]


def test_openid_client_signs_a_citizen_on_and_asks(programme, world, browse):
    address = hear(programme)["address"]
    citizen = browse(world.public).sign_in(world.citizen())
    citizen.get(address.removeprefix(world.public))
    notice = citizen.body.partition(b'name="notice" value="')[2].partition(b'"')[0].decode()
    path = citizen.address.removeprefix(world.public)
    citizen.post(path, {"answer": "agree", "item": ["phone"], "notice": notice})
    onward = citizen.body.partition(b'href="/authorize/continue/')[2].partition(b'"')[0].decode()
    tell(programme, address=out_of_here(citizen, f"/authorize/continue/{onward}"))

    got = hear(programme)
    assert "iss" in got["refusal"], got["refusal"]  # mixed up with another server: attack 100
    claims = got["claims"]
    assert claims["sub"] == got["userinfo"]["sub"]
    assert (claims["iss"], claims["aud"]) == (world.public, "amo-tadamon")
    assert got["token_type"] == "dpop"
    assert got["granted"][0]["attributes"] == {"eligibility": "decision", "phone": "raw"}
    assert got["eligibility"]["status"] == 200, got["eligibility"]
    assert got["active"] == [True, False]

    gone = citizen.get(got["leave"].removeprefix(world.public))
    assert gone.address.endswith("?out=1")
    assert citizen.get("/en/me").address.split("?")[0].endswith("/sign-in")
