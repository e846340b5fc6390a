"""Accounts over HTTP: who can sign in."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from app.core.unit_of_work import Reading, UnitOfWorkRoute, Writing
from app.identity.schemas.accounts import (
    AccountCreate,
    AccountInvited,
    AccountOut,
    AccountPage,
    AccountPatch,
    AccountQuery,
    PasswordResetIssued,
)
from app.identity.service import accounts
from app.identity.views.accounts import ACCOUNT, ACCOUNTS

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1/accounts", tags=["accounts"])


@router.get("", response_model=AccountPage, summary="List accounts")
async def list_accounts(read: Reading, query: Annotated[AccountQuery, Query()]) -> Response:
    """Those the caller looks after: a district administrator all, a school administrator those of people at her
    schools, a teacher those of the pupils in her classes.
    """
    filters = {"person_id": query.person_id, "is_disabled": query.is_disabled}
    return await ACCOUNTS.reply(read, query, sort=query.sort, filters=filters, expand=query.expand)


@router.get("/{account_id}", response_model=AccountOut, summary="Read an account")
async def get_account(read: Reading, account_id: UUID) -> Response:
    """One account, with what the caller may do about it."""
    return await read.one(ACCOUNT, account_id=account_id)


@router.post("", status_code=201, response_model=AccountInvited, responses={404: {}}, summary="Invite a person")
async def create_account(write: Writing, body: AccountCreate) -> Response:
    """Makes an account without a password. The reply has a one-time `invitation_token`, good for 7 days, with which its
    owner sets one; it is shown this once. For administrators. It serves only while its issuer may still hand it out.
    """
    return await accounts.invite(write, body)


@router.patch("/{account_id}", response_model=AccountOut, summary="Change or disable an account")
async def update_account(write: Writing, account_id: UUID, body: AccountPatch) -> Response:
    """Changes e-mail or user name, disables or enables. Disabling ends the account's sessions at once."""
    return await accounts.change(write, account_id, body)


@router.post(
    "/{account_id}/password-reset",
    status_code=201,
    response_model=PasswordResetIssued,
    summary="Hand out a password reset",
)
async def create_password_reset(write: Writing, account_id: UUID) -> Response:
    """Makes a one-time token, shown this once, by which the account's owner sets a new password; earlier ones no longer
    serve. For administrators, and for a teacher of a pupil's class, of people who reach no further than they do. The
    old password works until the new one is set; the token serves only while its issuer may still hand it out.
    """
    return await accounts.hand_out_reset(write, account_id)
