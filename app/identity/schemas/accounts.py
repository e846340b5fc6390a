"""What goes over the wire when administrators look after accounts."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import MISSING, AfterValidator, Field

from app.core.pagination import PageQuery
from app.core.schemas import BlockedAction, Input, Output, Patch, clean_text, single_line
from app.identity.schemas.examples import AT, ID, OTHER_ID, example

Email = Annotated[
    str,
    Field(max_length=254, pattern=r"^[^@\s]+@[^@\s]+$", examples=["t.okafor@riverbend.example"]),
    AfterValidator(single_line),
    AfterValidator(clean_text),
]
Username = Annotated[
    str,
    Field(max_length=100, pattern=r"^[^@\s]+$", description="Without @ or spaces.", examples=["maya.lopez"]),
    AfterValidator(clean_text),
]


class AccountOut(Output):
    """A person who can sign in."""

    model_config = example(
        {
            "id": ID,
            "person_id": OTHER_ID,
            "given_name": "Maya",
            "family_name": "López",
            "email": None,
            "username": "maya.lopez",
            "has_password": True,
            "is_disabled": False,
            "version": 1,
            "created_at": AT,
            "updated_at": AT,
            "available_actions": ["edit", "reset_password"],
            "blocked_actions": [],
        }
    )

    id: UUID
    person_id: UUID
    given_name: str
    family_name: str
    email: str | None
    username: str | None
    has_password: bool = Field(description="False until the invitation is accepted.")
    is_disabled: bool
    version: int
    created_at: datetime
    updated_at: datetime
    available_actions: list[str] | MISSING = Field(
        default=MISSING, description="What the caller may do now: `edit`, `reset_password`."
    )
    blocked_actions: list[BlockedAction] | MISSING = Field(default=MISSING, description="The others, and why not.")


class AccountInvited(AccountOut):
    """A new account with the token by which its owner sets her password. The token is shown this once."""

    model_config = example(
        {**AccountOut.model_config["json_schema_extra"]["examples"][0], "has_password": False}  # type: ignore[index, dict-item]
        | {"invitation_token": "plp_ot_AZjA3g...", "invitation_expires_at": AT}
    )

    invitation_token: str
    invitation_expires_at: datetime


class AccountPage(Output):
    model_config = example({"items": [], "next_cursor": None})

    items: list[AccountOut]
    next_cursor: str | None
    total: int | MISSING = MISSING


class AccountQuery(PageQuery):
    sort: Literal["-created_at"] = "-created_at"
    person_id: UUID | None = Field(None, description="The account of this person.")
    is_disabled: bool | None = Field(None, description="Only disabled ones, or only others.")
    expand: str | None = Field(
        None, max_length=200, description="`available_actions`, `blocked_actions`.", examples=["available_actions"]
    )


class AccountCreate(Input):
    """Give at least one of e-mail and user name."""

    model_config = example({"person_id": OTHER_ID, "username": "maya.lopez"})

    id: UUID | None = Field(None, description="Your own id, if you make ids yourself: a UUID, best a UUIDv7.")
    person_id: UUID
    email: Email | None = None
    username: Username | None = None


class AccountPatch(Patch):
    """Disabling ends every session of the account."""

    model_config = example({"is_disabled": True})

    email: Email | MISSING | None = MISSING
    username: Username | MISSING | None = MISSING
    is_disabled: bool | MISSING = MISSING


class PasswordResetIssued(Output):
    """The token by which the account's owner sets a new password. It is shown this once: hand it over in person."""

    model_config = example({"account_id": ID, "reset_token": "plp_ot_AZjA3g...", "reset_expires_at": AT})

    account_id: UUID
    reset_token: str
    reset_expires_at: datetime
