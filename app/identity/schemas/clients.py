"""What goes over the wire for service clients: programs that act for the tenant."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import MISSING, Field, field_validator
from pydantic_core import PydanticCustomError

from app.core.pagination import PageQuery
from app.core.schemas import BlockedAction, Input, InputPart, Name, Output, Patch
from app.core.security import InvalidKey, assertion_key
from app.identity.schemas.examples import AT, ID, example

Scope = Literal[
    "roster.read",
    "roster.write",
    "plans.read",
    "plans.write",
    "competencies.read",
    "competencies.write",
    "events.read",
    "access.manage",
    "supports.read",
]
_CLIENT_ID = "plp_0198c0de00007000800000000000000a_0198c0de00007000800000000000000b"
_CLIENT: dict[str, Any] = {
    "id": ID,
    "client_id": _CLIENT_ID,
    "name": "Nightly roster sync",
    "scopes": ["roster.read", "roster.write"],
    "public_jwk": None,
    "secret_count": 1,
    "is_disabled": False,
    "version": 1,
    "created_at": AT,
    "updated_at": AT,
    "available_actions": ["edit", "add_secret", "delete"],
    "blocked_actions": [],
}
SCOPES_TEXT = "What the client may do, for the whole tenant."
KEY_TEXT = "Public P-256 (ES256) or RSA key of 2048 to 4096 bits (RS256), for `private_key_jwt`."


class ServiceClientOut(Output):
    """A program that acts for the tenant."""

    model_config = example(_CLIENT)

    id: UUID
    client_id: str = Field(description="What it calls itself at `POST /v1/oauth/token`.")
    name: str
    scopes: list[str]
    public_jwk: dict[str, Any] | None
    secret_count: int = Field(description="How many secrets are live: at most two.")
    is_disabled: bool
    version: int
    created_at: datetime
    updated_at: datetime
    available_actions: list[str] | MISSING = Field(
        default=MISSING, description="What the caller may do now: `edit`, `add_secret`, `delete`."
    )
    blocked_actions: list[BlockedAction] | MISSING = MISSING
    client_secret: str | MISSING = Field(default=MISSING, description="Shown once, when it is made.")


class ServiceClientPage(Output):
    model_config = example({"items": [], "next_cursor": None})

    items: list[ServiceClientOut]
    next_cursor: str | None
    total: int | MISSING = MISSING


class ServiceClientQuery(PageQuery):
    sort: Literal["name"] = "name"
    expand: str | None = Field(
        None, max_length=200, description="`available_actions`, `blocked_actions`.", examples=["available_actions"]
    )


class PublicJwk(InputPart):
    """A public key as a JWK (RFC 7517)."""

    model_config = example({"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8v...", "y": "x_FEzRu9m36HLN..."})

    kty: Literal["EC", "RSA"]
    crv: Literal["P-256"] | MISSING = MISSING
    x: str | MISSING = Field(default=MISSING, max_length=100)
    y: str | MISSING = Field(default=MISSING, max_length=100)
    n: str | MISSING = Field(default=MISSING, max_length=800)
    e: str | MISSING = Field(default=MISSING, max_length=20)
    kid: str | MISSING = Field(default=MISSING, max_length=200)
    use: Literal["sig"] | MISSING = MISSING
    alg: Literal["ES256", "RS256"] | MISSING = MISSING

    def members(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in sorted(self.model_fields_set)}


def usable(key: PublicJwk | None) -> PublicJwk | None:
    """Refuse a key that could not verify anything."""
    try:
        if isinstance(key, PublicJwk):
            assertion_key(key.members())
    except InvalidKey:
        raise PydanticCustomError(
            "unusable_key", "Not a public P-256 key, nor an RSA key of 2048 to 4096 bits."
        ) from None
    return key


class ServiceClientCreate(Input):
    """With a public key the client authenticates by `private_key_jwt`; without one it is given a secret."""

    model_config = example({"name": "Nightly roster sync", "scopes": ["roster.read", "roster.write"]})

    id: UUID | None = Field(None, description="Your own id, if you make ids yourself: a UUID, best a UUIDv7.")
    name: Name
    scopes: list[Scope] = Field(min_length=1, max_length=9, description=SCOPES_TEXT)
    public_jwk: PublicJwk | None = Field(None, description=KEY_TEXT)

    _usable = field_validator("public_jwk")(usable)


class ServiceClientPatch(Patch):
    """Tokens that were given before lose at once what is taken away here."""

    model_config = example({"scopes": ["roster.read"]})

    name: Name | MISSING = MISSING
    scopes: list[Scope] | MISSING = Field(default=MISSING, min_length=1, max_length=9, description=SCOPES_TEXT)
    public_jwk: PublicJwk | MISSING | None = Field(default=MISSING, description=KEY_TEXT)
    is_disabled: bool | MISSING = MISSING

    _usable = field_validator("public_jwk")(usable)


class AccessTokenOut(Output):
    """RFC 6749, section 5.1."""

    model_config = example(
        {"access_token": "eyJhbGciOiJFUzI1NiIs...", "token_type": "Bearer", "expires_in": 600, "scope": "roster.read"}
    )

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str


class JwkOut(Output):
    """A public key (RFC 7517)."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: str
    y: str
    kid: str
    use: Literal["sig"]
    alg: Literal["ES256"]


class JwksOut(Output):
    model_config = example(
        {
            "keys": [
                {
                    "kty": "EC",
                    "crv": "P-256",
                    "x": "f83OJ3D2xF1Bg8v...",
                    "y": "x_FEzRu9m36HLN...",
                    "kid": "NzbLsXh8uDCcd-6M...",
                    "use": "sig",
                    "alg": "ES256",
                }
            ]
        }
    )

    keys: list[JwkOut]
