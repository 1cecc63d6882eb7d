from pathlib import Path

import pytest

from api.settings import Settings, SettingsError, from_environ


def test_nothing_set_is_the_embedded_default():
    settings = from_environ({})

    assert settings == Settings()
    assert settings.database.startswith("sqlite+aiosqlite:////")
    assert settings.database.endswith("/data/amana.db")
    assert settings.keys == Path("data/keys")
    assert not settings.secure


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({"AMANA_ISUER": "x"}, "unknown setting: AMANA_ISUER"),
        ({"AMANA_ISSUER": "http://amana.example"}, "AMANA_ISSUER must be https"),
        ({"AMANA_ISSUER": "https://amana.example/x"}, "AMANA_ISSUER must be an origin"),
        ({"AMANA_CONSOLE_ORIGIN": "ftp://127.0.0.1"}, "AMANA_CONSOLE_ORIGIN must be https"),
        ({"AMANA_WORKERS": "two"}, "AMANA_WORKERS: Expected `int`"),
        ({"AMANA_TRUSTED_PROXIES": "proxy.example"}, "AMANA_TRUSTED_PROXIES must be networks"),
        ({"AMANA_WORKERS": "2"}, "needs AMANA_REDIS_URL"),
        ({"AMANA_DATABASE_POOL": "3"}, "AMANA_DATABASE_POOL: Expected `int` >= 4"),
        ({"AMANA_SEQUENCER": "s3cret"}, "AMANA_SEQUENCER: Invalid enum value"),
        ({"AMANA_DATABASE_URL_FILE": "/nowhere"}, "AMANA_DATABASE_URL_FILE cannot be read"),
    ],
)
def test_a_wrong_setting_is_named(environ, says):
    with pytest.raises(SettingsError, match=says):
        from_environ(environ)


def test_a_secret_is_read_from_its_file(tmp_path):
    (tmp_path / "url").write_text("postgresql+asyncpg://amana@db/amana\n")

    settings = from_environ({"AMANA_DATABASE_URL_FILE": str(tmp_path / "url")})

    assert settings.database == "postgresql+asyncpg://amana@db/amana"


def test_https_makes_cookies_secure():
    assert from_environ({"AMANA_ISSUER": "https://amana.example"}).secure


CERTIFICATES = {
    "an origin for nobody": {"AMANA_MUTUAL_TLS_ORIGIN": "https://mtls.example"},
    "no file": {"AMANA_CLIENT_AUTHORITIES": "/nowhere/authorities.pem"},
    "no certificates": {"AMANA_CLIENT_AUTHORITIES": __file__},
    "a proxy that is none of ours": {"AMANA_CLIENT_CERTIFICATES": "proxy"},
    "an origin that is not safe": {"AMANA_MUTUAL_TLS_ORIGIN": "http://mtls.example"},
}


@pytest.mark.parametrize("case", CERTIFICATES)
def test_what_cannot_be_of_certificates_stops_the_start(case, tmp_path):
    from tests.contract.oauth.certificates import Authority

    good = tmp_path / "authorities.pem"
    good.write_bytes(Authority.new().pem)
    told = CERTIFICATES[case]
    environ = told if "nobody" in case else {"AMANA_CLIENT_AUTHORITIES": str(good)} | told

    with pytest.raises(SettingsError) as wrong:
        from_environ(environ)
    assert any(name in str(wrong.value) for name in told)


def test_certificates_are_taken_where_an_authority_is_named(tmp_path):
    from tests.contract.oauth.certificates import Authority

    good = tmp_path / "authorities.pem"
    good.write_bytes(Authority.new().pem)
    settings = from_environ(
        {
            "AMANA_CLIENT_AUTHORITIES": str(good),
            "AMANA_CLIENT_CERTIFICATES": "proxy",
            "AMANA_TRUSTED_PROXIES": "10.0.0.0/8",
        }
    )

    assert settings.mutual_tls == settings.issuer
    assert Settings().mutual_tls == ""


CARRIERS = {
    "no mail server": {"AMANA_SMTP_URL": "https://mail.example", "AMANA_SMTP_FROM": "a@b.c"},
    "a password for all to see": {
        "AMANA_SMTP_URL": "smtps://u:p@mail.example",
        "AMANA_SMTP_FROM": "a@b.c",
    },
    "nobody it comes from": {"AMANA_SMTP_URL": "smtps://mail.example"},
    "a password that is not there": {"AMANA_SMTP_PASSWORD_FILE": "/nowhere/password"},
    "a gateway anybody reads": {"AMANA_SMS_GATEWAY_URL": "http://sms.example/"},
    "a gateway with a name": {"AMANA_SMS_GATEWAY_URL": "https://u:p@sms.example/"},
    "a token that is not there": {"AMANA_SMS_GATEWAY_TOKEN_FILE": "/nowhere/token"},
}


@pytest.mark.parametrize("case", CARRIERS)
def test_what_carries_no_code_stops_the_start(case):
    with pytest.raises(SettingsError) as wrong:
        from_environ(CARRIERS[case])
    assert any(name in str(wrong.value) for name in CARRIERS[case])
    assert "u:p" not in str(wrong.value)
