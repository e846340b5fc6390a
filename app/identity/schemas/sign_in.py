"""What goes over the wire when people sign in."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import MISSING, Field

from app.core.pagination import PageQuery
from app.core.schemas import Input, Name, Output
from app.identity.schemas.examples import AT, ID, example

Slug = Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=63, examples=["riverbend"])]
Identifier = Annotated[
    str, Field(min_length=1, max_length=254, description="E-mail address or user name.", examples=["maya.lopez"])
]
Password = Annotated[str, Field(min_length=1, max_length=256, description="Compared in its NFKC form.")]
Client = Literal["app", "browser"]


class SignIn(Input):
    """Credentials, and the kind of client: it decides how the refresh token travels."""

    model_config = example(
        {"identifier": "maya.lopez", "password": "violet-canyon-42", "client": "app", "device": "Maya's tablet"}
    )

    identifier: Identifier
    password: Password
    client: Client = Field(
        description="`app`: refresh token in the reply; `browser`: in a cookie that scripts cannot read."
    )
    tenant: Slug | None = Field(None, description="The tenant's slug; needed only if the credentials fit several.")
    device: Name | None = Field(None, description="What the person calls this device in the list of sessions.")


class Refresh(Input):
    """The refresh token of an app. A browser sends its cookie instead, and no body."""

    model_config = example({"refresh_token": "plp_rt_AZjA3g..."})

    refresh_token: str | None = Field(None, max_length=200)


class TokensOut(Output):
    """Send the access token as `Authorization: Bearer …`; refresh before it expires."""

    model_config = example(
        {
            "access_token": "eyJhbGciOiJFUzI1NiIs...",
            "token_type": "Bearer",
            "expires_in": 600,
            "session_id": ID,
            "refresh_token": "plp_rt_AZjA3g...",
        }
    )

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int = Field(description="Seconds.")
    session_id: UUID
    refresh_token: str | MISSING = Field(
        default=MISSING, description="For apps. Good for one use; for 30 seconds a repeat gives the same successor."
    )


class SessionOut(Output):
    """A signed-in device."""

    model_config = example(
        {
            "id": ID,
            "client": "app",
            "device": "Maya's tablet",
            "is_current": True,
            "created_at": AT,
            "last_used_at": AT,
            "expires_at": AT,
        }
    )

    id: UUID
    client: Client
    device: str | None
    is_current: bool = Field(description="Whether this very request belongs to it.")
    created_at: datetime
    last_used_at: datetime = Field(description="When its tokens were last refreshed.")
    expires_at: datetime = Field(
        description="When it ends unless used; a device that is used is pushed on, up to a limit."
    )


class SessionPage(Output):
    """The caller's living sessions."""

    model_config = example({"items": [], "next_cursor": None})

    items: list[SessionOut]
    next_cursor: str | None
    total: int | MISSING = MISSING


class SessionQuery(PageQuery):
    sort: Literal["-created_at"] = "-created_at"


class PasswordChange(Input):
    model_config = example({"current_password": "violet-canyon-42", "new_password": "amber meadow 77"})

    current_password: Password
    new_password: Password


class PasswordReset(Input):
    """A one-time token, from an invitation or a reset, and the password to set."""

    model_config = example({"token": "plp_ot_AZjA3g...", "new_password": "amber meadow 77"})

    token: str = Field(min_length=1, max_length=200)
    new_password: Password
