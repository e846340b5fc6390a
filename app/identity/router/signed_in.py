"""Routes of signed-in callers that hash passwords: no transaction is held while they do."""

from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from sqlalchemy import select

from app.core.errors import Problem, unauthorized
from app.core.principal import Principal, caller_facts
from app.core.requests import WireRequest, check_query, read_body
from app.core.runtime import Runtime, runtime_of
from app.core.security import AccessClaims
from app.core.unit_of_work import Handler, answered


class HashingRoute(APIRoute):
    """Checks the caller in a transaction of its own, before the body; the handler opens its own ones."""

    def get_route_handler(self) -> Handler:
        original = super().get_route_handler()

        async def handle(request: Request) -> Response:
            runtime = runtime_of(request)
            claims = await runtime.authenticate(request)
            request.scope["plp.caller"] = await _caller(runtime, claims)
            body = await read_body(request, runtime.settings.body_limit)
            if isinstance(body, Problem):
                raise body
            check_query(request, frozenset())
            return await answered(original(WireRequest(request.scope, body)))

        async def guarded(request: Request) -> Response:
            return await answered(handle(request))

        return guarded


async def _caller(runtime: Runtime, claims: AccessClaims) -> Principal:
    async with runtime.transaction(claims.tenant_id) as session:
        facts = await session.scalar(
            select(caller_facts()), {"caller_tenant": claims.tenant_id, "caller_session": claims.session_id}
        )
    if facts is None:
        raise unauthorized()
    return Principal.parse(facts, claims)


async def _from_scope(request: Request) -> Principal:
    principal: Principal = request.scope["plp.caller"]
    return principal


Caller = Annotated[Principal, Depends(_from_scope)]


def request_id_of(request: Request) -> str:
    return str(request.scope.get("request_id", ""))


def address_of(request: Request) -> str:
    """The client's address; behind a proxy the server has put it in place of the proxy's."""
    return request.client.host if request.client else ""
