"""The caller, over HTTP."""

import json

from fastapi import APIRouter, Response

from app.core.replies import json_reply
from app.core.unit_of_work import Reading, UnitOfWorkRoute
from app.identity.policy import permissions
from app.identity.schemas.me import MeOut
from app.identity.views.me import ME

router = APIRouter(route_class=UnitOfWorkRoute, prefix="/v1/me", tags=["me"])


@router.get("", response_model=MeOut, summary="Read who you are")
async def get_me(read: Reading) -> Response:
    """The person or service client behind the token, the roles of today and what they allow in general."""
    principal, row = await read.fetch(lambda _principal: ME, {})
    found = json.loads(row["body"])
    if found["service_client"] is not None:
        found["service_client"]["scopes"] = sorted(principal.scopes)
    body = {
        "kind": "service" if principal.service_client_id else "person",
        **found,
        "account_id": str(principal.account_id) if principal.account_id else None,
        "session_id": str(principal.session_id),
        "permissions": permissions(principal.role_names, principal.scopes, principal.policy),
    }
    return json_reply(read.request, json.dumps(body, ensure_ascii=False, separators=(",", ":")))
