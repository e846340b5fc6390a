"""The tenant's sharing rules, over HTTP."""

from fastapi import APIRouter, Response

from app.core.unit_of_work import Reading, UnitOfWorkRoute, Writing
from app.sharing.schemas.sharing_rules import SharingRulesOut, SharingRulesPatch
from app.sharing.service import sharing_rules as service
from app.sharing.views.sharing_rules import SHARING_RULES

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1/sharing-rules", tags=["sharing"])


@router.get("", response_model=SharingRulesOut, summary="Read the sharing rules")
async def get_sharing_rules(read: Reading) -> Response:
    """Who reaches how far into which section of a learner's record: the default, and what this tenant made of it.
    Everybody who is signed in may know the rules.
    """
    return await read.one(SHARING_RULES)


@router.patch("", response_model=SharingRulesOut, summary="Change the sharing rules")
async def change_sharing_rules(write: Writing, body: SharingRulesPatch) -> Response:
    """Lower levels, or restore them to their default; rules that are not named stay. Takes effect on the next request
    of everybody in the tenant. A level goes from the floor to the default: a tenant only tightens, and learners and
    guardians keep reading what the law lets them read. For district administrators and services with `access.manage`.
    """
    return await service.change_sharing_rules(write, body)
