"""The five steps, in order; the first surprise ends them."""

import secrets
from pathlib import Path
from typing import Final

import httpx2
from authlib.integrations.base_client.errors import OAuthError

from api.walk import agreeing, asking, credentials, looking, reviewing
from api.walk.browser import Browser
from api.walk.codes import Codes
from api.walk.programme import Programme
from api.walk.telling import SurpriseError, Teller

CLIENT: Final = "amo-tadamon"


def play(public: str, console: str, file: Path, teller: Teller) -> None:
    """Play the story against running servers.

    Args:
        public: origin of the public app.
        console: origin of the console app.
        file: the credentials that the demo wrote.
        teller: who is told.

    Raises:
        SurpriseError: something was not as it should be.
    """
    try:
        _play(public, console, file, teller)
    except httpx2.TransportError as wrong:
        raise SurpriseError("a server that answers", wrong) from wrong
    except OAuthError as wrong:
        raise SurpriseError("a token", f"{wrong.error}: {wrong.description}") from wrong
    except (ValueError, KeyError) as wrong:
        raise SurpriseError("an answer that can be read", repr(wrong)) from wrong


def _play(public: str, console: str, file: Path, teller: Teller) -> None:
    handed = credentials.read(file)
    registered = handed.programme(CLIENT)
    codes = Codes(teller)
    key = credentials.key(registered, file)
    with (
        Programme(public, CLIENT, key, teller) as programme,
        Browser(public, teller) as home,
        Browser(console, teller) as office,
    ):
        teller.step(1, "A programme verifies a person, under the law")
        case = f"WALK-{secrets.token_hex(4)}"
        citizen = asking.verify_identity(programme, handed.citizens, case, teller)
        teller.step(2, "The programme asks for more; the citizen agrees to two of three")
        agreeing.agree(
            programme, home, citizen, registered.redirect_uri, codes=codes, teller=teller
        )
        teller.step(3, "The programme uses its token, and asks for too much")
        asking.ask_eligibility(programme, teller)
        asking.ask_agreed(programme, teller)
        asking.ask_not_agreed(programme, teller)
        teller.step(4, "The citizen sees who looked, checks a proof, and stops it")
        looking.check_proof(home, looking.history(home, case, teller), teller)
        looking.stop(home, programme, teller)
        teller.step(5, "The DPO reviews, and the citizen sees that too")
        opened = reviewing.review(office, handed.staff.dpo, CLIENT, codes, teller)
        looking.opened_by_staff(home, opened, teller)
        reviewing.verify_log(office, teller)
