"""What carries a code to somebody: a port, since production has several carriers.

A file (a demo, a test, a printer's spool), a mail server (SMTP), or a gateway for text messages
(an HTTPS address that takes JSON). Each hands over or does not, within seconds; none retries:
the person asks again.
"""

import asyncio
import os
import smtplib
import ssl
from collections.abc import Sequence
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from typing import Final, Protocol, runtime_checkable
from urllib.parse import unquote, urlsplit

import httpx2
import msgspec

from api.i18n import Tongue
from api.settings import LOOPBACK, Settings
from identity.login.channels import Channel, Kind

SECONDS: Final = 10.0
"""For one message, all of it."""
SMTP_PORT: Final = 587
SMTPS_PORT: Final = 465


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one person."""

    to: Channel
    subject: str
    text: str


def with_code(tongue: Tongue, to: Channel, code: str) -> Message:
    """The message that carries a code: no name, no link, nothing to answer."""
    return Message(
        to=to,
        subject=tongue.plain("sent.subject"),
        text=tongue.plain("sent.text", code=code),
    )


@runtime_checkable
class Notifier(Protocol):
    """Carries messages of some kinds."""

    @property
    def kinds(self) -> frozenset[Kind]:
        """Of which kinds."""

    async def send(self, message: Message) -> bool:
        """Hand one over. False if nobody took it."""


class FileNotifier:
    """Appends each message to a file, a line of JSON each."""

    kinds = frozenset(Kind)

    def __init__(self, path: Path) -> None:
        """Take the file: made when it is first written to, for its owner alone."""
        self._path = path

    async def send(self, message: Message) -> bool:
        """Write one line."""
        return await asyncio.to_thread(self._append, msgspec.json.encode(message) + b"\n")

    def _append(self, line: bytes) -> bool:
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError:
            return False
        try:
            return os.write(handle, line) == len(line)
        finally:
            os.close(handle)


class SmtpNotifier:
    """Hands messages to a mail server, by TLS but on this machine (RFC 5321, RFC 8314)."""

    kinds = frozenset({Kind.EMAIL})

    def __init__(self, url: str, sender: str, password: str) -> None:
        """Take `smtp://host:port` (STARTTLS) or `smtps://…`, with a user name if it wants one."""
        self._parts = urlsplit(url)
        self._sender = sender
        self._password = password

    async def send(self, message: Message) -> bool:
        """Hand one over; a connection each, for there are few."""
        try:
            async with asyncio.timeout(SECONDS):
                return await asyncio.to_thread(self._hand_over, self._letter(message))
        except (TimeoutError, OSError, smtplib.SMTPException):
            return False

    def _letter(self, message: Message) -> EmailMessage:
        letter = EmailMessage()
        letter["From"], letter["To"] = self._sender, message.to.address
        letter["Subject"] = message.subject
        letter["Date"], letter["Message-ID"] = formatdate(), make_msgid(domain="amana.invalid")
        letter["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence answers
        letter.set_content(message.text)
        return letter

    def _hand_over(self, letter: EmailMessage) -> bool:
        trust, host = ssl.create_default_context(), self._parts.hostname or ""
        if self._parts.scheme == "smtps":
            port = self._parts.port or SMTPS_PORT
            with smtplib.SMTP_SSL(host, port, timeout=SECONDS, context=trust) as server:
                return self._say(server, letter)
        with smtplib.SMTP(host, self._parts.port or SMTP_PORT, timeout=SECONDS) as server:
            if host not in LOOPBACK:
                server.starttls(context=trust)
            return self._say(server, letter)

    def _say(self, server: smtplib.SMTP, letter: EmailMessage) -> bool:
        if self._parts.username:
            server.login(unquote(self._parts.username), self._password)
        return not server.send_message(letter)


class SmsNotifier:
    """Posts messages to a gateway: `{"to": "+212…", "text": "…"}`, with a bearer token."""

    kinds = frozenset({Kind.SMS})

    def __init__(self, url: str, token: str) -> None:
        """Take the gateway's address, and what opens it."""
        self._url = url
        self._token = token

    async def send(self, message: Message) -> bool:
        """Hand one over: any 2xx is a yes; a redirection is not."""
        body = {"to": message.to.address, "text": message.text}
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            async with asyncio.timeout(SECONDS), httpx2.AsyncClient() as client:
                return (await client.post(self._url, json=body, headers=headers)).is_success
        except (TimeoutError, httpx2.HTTPError):
            return False


class Notifiers:
    """All carriers of a deployment; the first that takes a kind carries it."""

    def __init__(self, carriers: Sequence[Notifier]) -> None:
        """Take them in the order in which they are asked."""
        self._carriers = carriers

    @property
    def kinds(self) -> frozenset[Kind]:
        """What there is a carrier for."""
        return frozenset(kind for carrier in self._carriers for kind in carrier.kinds)

    async def send(self, message: Message) -> bool:
        """Hand one to the first carrier of its kind. False if there is none, or it does not."""
        kind = message.to.kind
        found = next((each for each in self._carriers if kind in each.kinds), None)
        return found is not None and await found.send(message)


def of(settings: Settings) -> Notifiers:
    """The carriers that the settings name."""
    carriers: list[Notifier] = []
    if settings.smtp_url:
        password = _secret(settings.smtp_password_file)
        carriers.append(SmtpNotifier(settings.smtp_url, settings.smtp_from, password))
    if settings.sms_gateway_url:
        token = _secret(settings.sms_gateway_token_file)
        carriers.append(SmsNotifier(settings.sms_gateway_url, token))
    if settings.notify_file:
        carriers.append(FileNotifier(settings.notify_file))
    return Notifiers(carriers)


def _secret(path: Path | None) -> str:
    return path.read_text(encoding="utf-8").strip() if path else ""
