"""Every setting of the service, read once, from the environment. The only reader of it."""

import os
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from cryptography import x509

from vault import log_note
from vault.log_cosignatures import Terms
from vault.log_note import Verifier

PREFIX: Final = "AMANA_"
CREDENTIALS: Final = {
    "keys_passphrase_file": "amana-root-passphrase",
    "pkcs11_pin_file": "amana-pkcs11-pin",
}
"""Settings that a systemd credential stands in for (systemd.exec(5), `LoadCredential=`)."""
LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class SettingsError(ValueError):
    """A setting is missing or wrong. The message names the variable and never its value."""


class WitnessPlace(msgspec.Struct, frozen=True):
    """A witness of the log: the key it is known by, and where it is submitted to."""

    verifier: Verifier
    url: str


Networks = tuple[IPv4Network | IPv6Network, ...]


def networks_of(text: str) -> Networks:
    """The networks that a setting names, with commas.

    Raises:
        ValueError: something in it is no network.
    """
    return tuple(ip_network(each.strip()) for each in text.split(",") if each)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that a deployment chooses. Each field is the variable `AMANA_<FIELD>` in capitals.

    `database_url` and `redis_url` may also be given as a file (`AMANA_DATABASE_URL_FILE`),
    so that a password stands in no process list and no compose file.
    """

    data_dir: Path = Path("data")
    """Where the embedded store and, unless said otherwise, the keys live."""
    database_url: str = ""
    """SQLAlchemy URL. Empty: SQLite in `data_dir`."""
    database_pool: Annotated[int, msgspec.Meta(ge=4)] = 10
    """Connections per process (PostgreSQL) or readers (SQLite); the public app holds two."""
    database_pooler: Literal["none", "transaction"] = "none"
    """`transaction` behind PgBouncer in that mode: no prepared statements."""
    redis_url: str = ""
    """Empty: short-lived state stays in this process, which then must be the only one."""
    keys_dir: Path | None = None
    """Folder of the root key, outside the database and its backups. None: `data_dir`/keys."""
    keys_provider: Literal["file", "pkcs11"] = "file"
    """Whether the root keys are files in `keys_dir`, or in a PKCS#11 token."""
    keys_passphrase_file: Path | None = None
    """Holds the passphrase of the root keys' files. None: the systemd credential, if any."""
    pkcs11_module: Path | None = None
    """The PKCS#11 library of the token's vendor."""
    pkcs11_label: str = "amana"
    """Which token of that library."""
    pkcs11_pin_file: Path | None = None
    """Holds the user PIN of the token. None: the systemd credential, if any."""
    erasure_journal: Path | None = None
    """What was erased, outside the database and its backups. None: `data_dir`/erased.journal."""
    signer_guard: Path | None = None
    """What was signed last of the log, outside the database. None: `data_dir`/log.signed."""
    catalogue_dir: Path | None = None
    """Folder of the catalogue the DPO reviews. None: the one that ships."""
    issuer: str = "http://127.0.0.1:8000"
    """Issuer identifier (RFC 8414) and origin of the public app. https, or http on loopback."""
    console_origin: str = "http://127.0.0.1:8001"
    """Origin of the console app."""
    trusted_proxies: str = ""
    """Networks of the proxies before us, with commas: only their `X-Forwarded-For` is read.
    Without them every caller behind a proxy shares its address, and so its sign-in rates."""
    client_authorities: Path | None = None
    """PEM file of who issues certificates to programmes. None: no mutual TLS (RFC 8705)."""
    client_certificates: Literal["listener", "proxy"] = "listener"
    """Where one is seen: at `amana serve mutual-tls`, or in the `Client-Cert` header (RFC 9440)
    of a proxy in `trusted_proxies`, which must drop that header where others send it."""
    mutual_tls_origin: str = ""
    """Where programmes reach us with a certificate. Empty: at the issuer itself."""
    sequencer: Literal["inside", "outside"] = "inside"
    """Whether the public app also seals the log, or a process of its own does."""
    outbound: Literal["on", "off"] = "on"
    """Whether the public app calls programmes: reads their keys, tells them what concerns them."""
    witnesses: str = ""
    """Who cosigns the log: pairs `VKEY URL` with commas. https, or http on loopback."""
    witness_quorum: int = 1
    """How many of them make a checkpoint public."""
    witness_silence_seconds: int = 600
    """Fewer cosignatures than that for this long are an alarm; the service goes on."""
    smtp_url: str = ""
    """Who carries codes by e-mail: `smtps://user@host`, or `smtp://…` with STARTTLS."""
    smtp_from: str = ""
    """Whom those come from."""
    smtp_password_file: Path | None = None
    sms_gateway_url: str = ""
    """Who carries codes by text message: takes a POST of `{"to", "text"}`."""
    sms_gateway_token_file: Path | None = None
    notify_file: Path | None = None
    """Where codes go that nothing else carries, a line each: a demo, a spool. None: nowhere."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    workers: int = 1
    """Server processes per app; more than one needs `redis_url`."""

    @property
    def database(self) -> str:
        """The URL to connect to."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir.resolve()}/amana.db"

    @property
    def keys(self) -> Path:
        """The folder of the root key."""
        return self.keys_dir or self.data_dir / "keys"

    @property
    def journal(self) -> Path:
        """The journal of erasures."""
        return self.erasure_journal or self.data_dir / "erased.journal"

    @property
    def guard(self) -> Path:
        """The file of the signer's guard."""
        return self.signer_guard or self.data_dir / "log.signed"

    @property
    def proxies(self) -> Networks:
        """The networks of `trusted_proxies`."""
        return networks_of(self.trusted_proxies)

    @property
    def witness_places(self) -> tuple[WitnessPlace, ...]:
        """The witnesses of `witnesses`."""
        pairs = [each.split() for each in self.witnesses.split(",") if each.strip()]
        return tuple(
            WitnessPlace(log_note.read_verifier(vkey, log_note.COSIGNATURE), url.rstrip("/"))
            for vkey, url in pairs
        )

    @property
    def witness_terms(self) -> Terms:
        """What is asked of the witnesses."""
        return Terms(
            names=frozenset(place.verifier.name for place in self.witness_places),
            quorum=self.witness_quorum,
            silence=timedelta(seconds=self.witness_silence_seconds),
        )

    @property
    def mutual_tls(self) -> str:
        """The origin for programmes with a certificate; empty where there is none."""
        return (self.mutual_tls_origin or self.issuer) if self.client_authorities else ""

    def reached_by(self, path: str) -> tuple[str, ...]:
        """The addresses at which programmes find a path of ours."""
        return tuple(origin + path for origin in {self.issuer, self.mutual_tls or self.issuer})

    @property
    def secure(self) -> bool:
        """Whether browsers reach us by https, and so whether cookies are `__Host-` and Secure."""
        return urlsplit(self.issuer).scheme == "https"


def from_environ(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: a variable is unknown, malformed, unsafe or contradicts another.
    """
    found = os.environ if environ is None else environ
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in found.items()
        if name.startswith(PREFIX) and not name.startswith((f"{PREFIX}TEST_", f"{PREFIX}REQUIRE"))
    }
    known = {field.name for field in msgspec.structs.fields(Settings)}
    for secret in ("database_url", "redis_url"):
        if file := given.pop(f"{secret}_file", None):
            given[secret] = _read(f"{PREFIX}{secret.upper()}_FILE", file)
    for name, path in _credentials(found).items():
        given.setdefault(name, path)
    if unknown := sorted(given.keys() - known):
        names = ", ".join(PREFIX + name.upper() for name in unknown)
        raise SettingsError(f"unknown setting: {names}")
    try:
        settings = msgspec.convert(given, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as wrong:
        raise SettingsError(f"{PREFIX}{_field(str(wrong))}: {_without_value(wrong)}") from None
    _check(settings)
    return settings


def to_environ(settings: Settings) -> dict[str, str]:
    """The environment of a child process that is to have exactly these settings."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    chosen = msgspec.to_builtins(settings, enc_hook=str)
    return others | {
        PREFIX + name.upper(): str(value)
        for name, value in chosen.items()
        if value is not None and value != ""
    }


def publish(settings: Settings) -> None:
    """Have the environment of this process, and of its workers, say exactly these settings."""
    os.environ.update(to_environ(settings))


def _credentials(found: Mapping[str, str]) -> dict[str, str]:
    folder = found.get("CREDENTIALS_DIRECTORY")
    paths = {name: Path(folder, file) for name, file in CREDENTIALS.items()} if folder else {}
    return {name: str(path) for name, path in paths.items() if path.is_file()}


def _check(settings: Settings) -> None:
    for name in ("issuer", "console_origin", "mutual_tls_origin"):
        if not (origin := getattr(settings, name)) and name == "mutual_tls_origin":
            continue
        parts = urlsplit(origin)
        if parts.path or parts.query or parts.fragment or not parts.hostname:
            raise SettingsError(f"{PREFIX}{name.upper()} must be an origin: scheme, host and port")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise SettingsError(f"{PREFIX}{name.upper()} must be https (http on loopback only)")
    try:
        _ = settings.proxies
    except ValueError:
        message = f"{PREFIX}TRUSTED_PROXIES must be networks, such as 10.0.0.0/8, with commas"
        raise SettingsError(message) from None
    _check_witnesses(settings)
    _check_certificates(settings)
    _check_carriers(settings)
    if settings.keys_provider == "pkcs11":
        for name in ("pkcs11_module", "pkcs11_pin_file"):
            if getattr(settings, name) is None:
                raise SettingsError(f"{PREFIX}KEYS_PROVIDER=pkcs11 needs {PREFIX}{name.upper()}")
    if settings.workers > 1 and not settings.redis_url:
        raise SettingsError(f"{PREFIX}WORKERS above 1 needs {PREFIX}REDIS_URL: codes are used once")


def _check_certificates(settings: Settings) -> None:
    if settings.client_authorities is None:
        if settings.mutual_tls_origin:
            message = f"{PREFIX}MUTUAL_TLS_ORIGIN needs {PREFIX}CLIENT_AUTHORITIES"
            raise SettingsError(message)
        return
    try:
        x509.load_pem_x509_certificates(settings.client_authorities.read_bytes())
    except (OSError, ValueError):
        message = f"{PREFIX}CLIENT_AUTHORITIES must be a file of certificates (PEM)"
        raise SettingsError(message) from None
    if settings.client_certificates == "proxy" and not settings.proxies:
        message = f"{PREFIX}CLIENT_CERTIFICATES=proxy needs {PREFIX}TRUSTED_PROXIES"
        raise SettingsError(message)


def _check_carriers(settings: Settings) -> None:
    mail, gateway = urlsplit(settings.smtp_url), urlsplit(settings.sms_gateway_url)
    if settings.smtp_url and (mail.scheme not in {"smtp", "smtps"} or not mail.hostname):
        raise SettingsError(f"{PREFIX}SMTP_URL must be smtps://host or smtp://host")
    if mail.password:
        raise SettingsError(f"{PREFIX}SMTP_URL must hold no password: {PREFIX}SMTP_PASSWORD_FILE")
    if settings.smtp_url and "@" not in settings.smtp_from:
        raise SettingsError(f"{PREFIX}SMTP_URL needs {PREFIX}SMTP_FROM, an address")
    if settings.sms_gateway_url and not _is_safe(settings.sms_gateway_url):
        raise SettingsError(f"{PREFIX}SMS_GATEWAY_URL must be https (http on loopback only)")
    if gateway.username:
        raise SettingsError(f"{PREFIX}SMS_GATEWAY_URL must hold no name or password")
    for name in ("smtp_password_file", "sms_gateway_token_file"):
        path = getattr(settings, name)
        if path is not None:
            _read(f"{PREFIX}{name.upper()}", str(path))


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    at_home = parts.scheme == "http" and parts.hostname in LOOPBACK
    return bool(parts.hostname) and (parts.scheme == "https" or at_home)


def _check_witnesses(settings: Settings) -> None:
    try:
        places = settings.witness_places
    except ValueError:
        raise SettingsError(f"{PREFIX}WITNESSES must be pairs VKEY URL, with commas") from None
    for place in places:
        parts = urlsplit(place.url)
        if not _is_safe(place.url) or parts.query or parts.fragment or parts.username:
            raise SettingsError(f"{PREFIX}WITNESSES must be https (http on loopback only)")
    if len({place.verifier.name for place in places}) < len(places):
        raise SettingsError(f"{PREFIX}WITNESSES names a witness twice")
    if places and not 1 <= settings.witness_quorum <= len(places):
        raise SettingsError(f"{PREFIX}WITNESS_QUORUM must be 1 to the number of witnesses")
    if settings.witness_silence_seconds < 1:
        raise SettingsError(f"{PREFIX}WITNESS_SILENCE_SECONDS must be 1 or more")


def _read(variable: str, file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as why:
        raise SettingsError(f"{variable} cannot be read: {why.strerror}") from None


def _decode(kind: type, value: object) -> object:
    if issubclass(kind, Path):
        return Path(str(value))
    raise NotImplementedError(kind)


def _field(message: str) -> str:
    return message.rpartition("`$.")[2].rstrip("`").upper()


def _without_value(wrong: msgspec.ValidationError) -> str:
    return str(wrong).partition(" - at ")[0]
