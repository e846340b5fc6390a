"""Reads of sessions, accounts and service clients, and of the caller herself."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    DateTime,
    Select,
    Text,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    select,
    table,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, array
from sqlalchemy.types import Uuid

from app.core.access import TENANT, Shape
from app.core.pagination import Filter, Listing, Sort
from app.core.reads import View
from app.core.rules import Section
from app.db.projection import Projection, Raw
from app.identity import policy
from app.identity.models import Account, Session
from app.identity.schemas.accounts import AccountInvited, AccountOut, PasswordResetIssued
from app.identity.schemas.sign_in import SessionOut

OWNER: ColumnElement[Any] = bindparam("caller_owner", type_=Uuid())
CURRENT: ColumnElement[Any] = bindparam("caller_session", type_=Uuid())
TOKEN: ColumnElement[str] = cast(bindparam("one_time_token", type_=Text()), Text)
TOKEN_EXPIRES: ColumnElement[datetime] = cast(
    bindparam("token_expires", type_=DateTime(timezone=True)), DateTime(timezone=True)
)
ACTIONS = frozenset({"available_actions", "blocked_actions"})

person = table(
    "person",
    column("tenant_id", Uuid()),
    column("id", Uuid()),
    column("given_name", Text()),
    column("family_name", Text()),
)


def _session_projection(session: type[Session]) -> Projection:
    return Projection(
        SessionOut,
        {
            "id": session.id,
            "client": session.client,
            "device": session.device,
            "is_current": session.id == CURRENT,
            "created_at": session.created_at,
            "last_used_at": session.last_used_at,
            "expires_at": session.expires_at,
        },
    )


def _own_and_living(session: type[Session], _shape: Shape) -> ColumnElement[bool]:
    is_living = session.ended_at.is_(None) & (session.expires_at > func.now())
    return (session.tenant_id == TENANT) & (session.account_id == OWNER) & is_living


SESSIONS = Listing(
    "sessions",
    Session,
    visible=_own_and_living,
    projection=_session_projection,
    sorts={"-created_at": Sort(lambda session: [session.created_at, session.id], is_descending=True)},
    filters={},
)


def _name(account: type[Account], part: str) -> ColumnElement[str]:
    """A part of the account's person's name."""
    of_account = (person.c.tenant_id == account.tenant_id) & (person.c.id == account.person_id)
    return select(person.c[part]).where(of_account).scalar_subquery()


def _available(account: type[Account]) -> ColumnElement[Any]:
    person_id: Any = account.person_id
    names: list[ColumnElement[Any]] = [
        case((policy.administers(person_id), literal_column("'edit'", Text()))),
        case((policy.resets(person_id), literal_column("'reset_password'", Text()))),
    ]
    possible: ColumnElement[Any] = array(names, type_=ARRAY(Text()))
    return func.array_remove(possible, literal_column("NULL"), type_=ARRAY(Text()))


_EDIT_BLOCKED = (
    '\'[{"action":"edit","code":"forbidden","detail":"Only for district administrators, and for administrators of all '
    "schools for which this person acts.\"}]'::json"
)
_RESET_BLOCKED = (
    '\'[{"action":"edit","code":"forbidden","detail":"Only for administrators."},'
    '{"action":"reset_password","code":"forbidden","detail":"Only for administrators of this person, and for '
    "teachers of a pupil who acts for nobody else.\"}]'::json"
)


def _blocked(account: type[Account]) -> Raw:
    person_id: Any = account.person_id
    nothing: ColumnElement[Any] = literal_column("'[]'::json", JSON())
    return Raw(
        case(
            (policy.administers(person_id), nothing),
            (policy.resets(person_id), literal_column(_EDIT_BLOCKED, JSON())),
            else_=literal_column(_RESET_BLOCKED, JSON()),
        )
    )


def _account_fields(account: type[Account]) -> dict[str, Any]:
    return {
        "id": account.id,
        "person_id": account.person_id,
        "given_name": _name(account, "given_name"),
        "family_name": _name(account, "family_name"),
        "email": account.email,
        "username": account.username,
        "has_password": cast(account.password_hash.is_not(None), Boolean),
        "is_disabled": account.is_disabled,
        "version": account.version,
        "created_at": account.created_at,
        "updated_at": account.updated_at,
        "available_actions": _available(account),
        "blocked_actions": _blocked(account),
    }


def _account_projection(account: type[Account]) -> Projection:
    return Projection(AccountOut, _account_fields(account))


def _visible_account(account: type[Account], shape: Shape) -> ColumnElement[bool]:
    person_id: Any = account.person_id
    return (account.tenant_id == TENANT) & policy.visible(person_id, shape)


def _one_account(projection: Projection, shape: Shape) -> Select[Any]:
    return select(Account.version, projection.json(ACTIONS).label("body")).where(
        Account.id == bindparam("account_id", type_=Uuid()), _visible_account(Account, shape)
    )


_ACCOUNT = _account_projection(Account)
_INVITED = Projection(
    AccountInvited,
    {**_account_fields(Account), "invitation_token": TOKEN, "invitation_expires_at": TOKEN_EXPIRES},
)
ACCOUNT = View(lambda shape, _include: _one_account(_ACCOUNT, shape))
INVITED = View(lambda shape, _include: _one_account(_INVITED, shape))

_RESET = Projection(
    PasswordResetIssued, {"account_id": Account.id, "reset_token": TOKEN, "reset_expires_at": TOKEN_EXPIRES}
)


def _reset(shape: Shape, _include: frozenset[str]) -> Select[Any]:
    return select(Account.version, _RESET.json().label("body")).where(
        Account.id == bindparam("account_id", type_=Uuid()), _visible_account(Account, shape)
    )


RESET = View(_reset)

ACCOUNTS = Listing(
    "accounts",
    Account,
    visible=_visible_account,
    section=Section.ACCOUNT,
    projection=_account_projection,
    sorts={"-created_at": Sort(lambda account: [account.created_at, account.id], is_descending=True)},
    filters={
        "person_id": Filter(lambda account, value, _shape: account.person_id == value, Uuid()),
        "is_disabled": Filter(lambda account, value, _shape: account.is_disabled == value, Boolean()),
    },
    expansions=ACTIONS,
)
