"""What a token is bound to (RFC 7800): the key of a DPoP proof, or a client certificate."""

import msgspec


class Confirmation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That without which the token opens nothing: one of the two, or nothing to bind it to."""

    jkt: str | None = None
    """Thumbprint of a key (RFC 9449 §6.1, RFC 7638)."""
    x5t: str | None = msgspec.field(default=None, name="x5t#S256")
    """Thumbprint of a certificate (RFC 8705 §3.1)."""

    @property
    def thumbprint(self) -> str:
        """Whichever it is; empty where it is neither."""
        return self.jkt or self.x5t or ""

    @property
    def token_type(self) -> str:
        """How such a token is sent: RFC 9449 §5, RFC 8705 §3 with RFC 6750."""
        return "DPoP" if self.jkt else "Bearer"
