"""Runs every authenticated request; a write as one transaction (reads: see `app.core.reads`).

A write is a unit of work: open and bind the tenant, claim the idempotency key, run the handler (which renders its reply
inside the transaction), store the reply under the key, commit, send. A dependency could neither see the final reply nor
run the handler again, so a route class does it. Nothing else in the application commits.
"""

import functools
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.types import ASGIApp, Receive, Scope, Send

from app.core import events
from app.core.binding import Binding
from app.core.deadlines import within, within_or_apart
from app.core.errors import (
    RETRYABLE,
    Problem,
    database_problem,
    problem_response,
    sqlstate,
    unauthorized,
    validation_problem,
)
from app.core.idempotency import KeyedRequest, Subject, check_key, is_stored
from app.core.looks import Shown
from app.core.principal import Principal
from app.core.reads import FACTS, Read, View, rendered
from app.core.replies import check_precondition
from app.core.requests import WireRequest, check_query, read_body
from app.core.rules import Section
from app.core.runtime import Runtime, runtime_of
from app.core.security import AccessClaims
from app.db.read import bind_tenant, read_inside

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
ATTEMPTS = 3
READ_METHODS = frozenset({"GET", "HEAD"})


class Write:
    """The writing side of one request: a session in a transaction bound to the caller's tenant."""

    def __init__(
        self, request: Request, runtime: Runtime, claims: AccessClaims, session: AsyncSession, principal: Principal
    ) -> None:
        self.request = request
        self.runtime = runtime
        self.claims = claims
        self.session = session
        self.principal = principal
        self.subject: Subject | None = None
        """The part of a learner's record that this request changes; one request changes one learner's."""
        self.is_recorded = False
        """Whether the event log tells of this request."""
        self._shown: Shown | None = None

    @property
    def request_id(self) -> str:
        return str(self.request.scope.get("request_id", ""))

    def check_version(self, version: int) -> None:
        """Raise 412 if the client changes something that changed since it was read."""
        check_precondition(self.request.headers["if-match"], version)

    async def record(
        self,
        entity: Any,
        action: str,
        *,
        section: Section,
        capacity: str,
        learner_id: UUID | None = None,
        plan_id: UUID | None = None,
        item_id: UUID | None = None,
        reason: str | None = None,
        changes: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        """Flush a change and write its event. `item_id` is the goal that it is about, if it is about one."""
        self.is_recorded = True
        if learner_id is not None:
            self.subject = Subject(learner_id, section, plan_id, item_id)
        await events.record(
            self.session,
            self.principal,
            self.request_id,
            entity,
            action,
            section=section,
            capacity=capacity,
            learner_id=learner_id,
            plan_id=plan_id,
            reason=reason,
            changes=changes,
        )

    async def show(
        self,
        view: View,
        *,
        status: int = 200,
        location: str | None = None,
        expand: frozenset[str] = frozenset(),
        **values: Any,
    ) -> Response:
        """Reply with the same view that a read uses, as this transaction will leave it."""
        reader = await read_inside(self.session)
        statement = view.statement(self.principal.shape, expand)
        row = await reader.fetch_row(statement, self.principal.binds() | values)
        headers = {"Location": location} if location else None
        reply = rendered(self.request, row, status=status, headers=headers)
        self._shown = view.shown(self.principal, row, expand)
        return reply

    async def look(self) -> None:
        """Record a request that changed nothing as the look that it was."""
        if self._shown is not None:
            await self.runtime.looks.add(self.principal, self.request.scope, self._shown)


async def _read(request: Request) -> Read:
    read: Read = request.scope["plp.read"]
    return read


async def _write(request: Request) -> Write:
    write: Write = request.scope["plp.write"]
    return write


Reading = Annotated[Read, Depends(_read)]
Writing = Annotated[Write, Depends(_write)]


class UnitOfWorkRoute(APIRoute):
    """A route for signed-in callers. PATCH, DELETE and transitions need `If-Match`, being of shared documents."""

    if_match = True
    idempotent = True
    needs_if_match: bool

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        is_change = bool({"PATCH", "DELETE"} & set(options["methods"])) or path.endswith("/transitions")
        self.needs_if_match = self.if_match and is_change
        super().__init__(path, _with_precondition(endpoint) if self.needs_if_match else endpoint, **options)
        if [dependency.call for dependency in self.dependant.dependencies] == [_read]:
            self.app = self._direct_read(str(self.dependant.dependencies[0].name))

    def _direct_read(self, parameter: str) -> ASGIApp:
        """Serve a read that asks nothing of FastAPI but its signature: bound by us, without stacks of exits."""
        binding, known = Binding(self.dependant), known_query(self, is_read=True)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            request = Request(scope, receive, send)

            async def handled() -> Response:
                reading = await _open_read(request, known)
                reply: Response = await self.endpoint(**binding.values(request), **{parameter: reading})
                return reply

            try:
                reply = await answered(within(runtime_of(request).settings.answer_within, handled()))
            except Problem as problem:
                reply = problem.response(request)
            await reply(scope, receive, send)

        return app

    def get_route_handler(self) -> Handler:
        original = super().get_route_handler()
        is_read = bool(READ_METHODS & set(self.methods or ()))
        known = known_query(self, is_read=is_read)

        async def read(request: Request) -> Response:
            request.scope["plp.read"] = await _open_read(request, known)
            return await answered(within(runtime_of(request).settings.answer_within, original(request)))

        async def write(request: Request) -> Response:
            runtime = runtime_of(request)
            claims = await runtime.authenticate(request)
            body = await read_body(request, runtime.settings.body_limit)
            unit = _Unit(self, original, known, request, runtime, claims, body)
            return await within_or_apart(runtime.settings.answer_within, unit.run())

        return read if is_read else write


async def _open_read(request: Request, known: frozenset[str]) -> Read:
    runtime = runtime_of(request)
    claims = await runtime.authenticate(request)
    check_query(request, known)
    return Read(request, runtime, claims)


def _with_precondition(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """The endpoint, refusing to start without `If-Match`: after validation, before anything is looked up."""

    @functools.wraps(endpoint)
    async def guarded(**values: Any) -> Response:
        write: Write = values["write"]
        if "if-match" not in write.request.headers:
            raise precondition_required()
        reply: Response = await endpoint(**values)
        return reply

    return guarded


class OwnRoute(UnitOfWorkRoute):
    """Routes about the caller's own credentials: nobody else changes them, and nothing of them is kept for replay."""

    if_match = False
    idempotent = False


class PublicRoute(APIRoute):
    """A route without a bearer token (signing in, keys, health). Input is as strict as everywhere."""

    def get_route_handler(self) -> Handler:
        original = super().get_route_handler()
        known = known_query(self, is_read=True)

        async def handle(request: Request) -> Response:
            body: bytes | Problem = b""
            if request.method not in READ_METHODS:
                body = await read_body(request, runtime_of(request).settings.body_limit)
            if isinstance(body, Problem):
                raise body
            check_query(request, known)
            return await answered(original(WireRequest(request.scope, body)))

        return handle


def known_query(route: APIRoute, *, is_read: bool) -> frozenset[str]:
    """The query parameters that a route knows, from its own signature."""
    names = _query_names(route.dependant)
    return frozenset(names if is_read else names | {"validate_only"})


def _query_names(dependant: Dependant) -> set[str]:
    found: set[str] = set()
    for parameter in dependant.query_params:
        fields = getattr(parameter.field_info.annotation, "model_fields", None)
        found |= set(fields) if fields is not None else {parameter.alias}
    return found.union(*(_query_names(inner) for inner in dependant.dependencies))


async def answered(reply: Awaitable[Response]) -> Response:
    """Await a handler; what the framework or the database refuses becomes a problem."""
    try:
        return await reply
    except RequestValidationError as error:
        raise validation_problem(error.errors(), "body") from None
    except Exception as error:
        problem = database_problem(error)
        if problem is None:
            raise
        raise problem from error


class _ValidateOnly(Exception):
    """Leaves the transaction without a trace, with the reply that would have been sent."""

    def __init__(self, reply: Response) -> None:
        super().__init__()
        self.reply = reply


class _Unit:
    """One write request, run as often as the database asks for."""

    def __init__(
        self,
        route: UnitOfWorkRoute,
        original: Handler,
        known: frozenset[str],
        request: Request,
        runtime: Runtime,
        claims: AccessClaims,
        body: bytes | Problem,
    ) -> None:
        self.route = route
        self.original = original
        self.known = known
        self.request = request
        self.runtime = runtime
        self.claims = claims
        self.body = body
        self.looking: Write | None = None

    async def run(self) -> Response:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                reply = await self._attempt()
                if self.looking is not None:
                    await self.looking.look()
                return reply
            except Problem:
                raise
            except Exception as error:
                if sqlstate(error) in RETRYABLE and attempt < ATTEMPTS:
                    continue
                problem = database_problem(error)
                if problem is None:
                    raise
                raise problem from error
        raise AssertionError("unreachable")

    async def _attempt(self) -> Response:
        try:
            async with self.runtime.sessions() as session, session.begin():
                return await self._in_transaction(session)
        except _ValidateOnly as validated:
            return validated.reply

    async def _in_transaction(self, session: AsyncSession) -> Response:
        await bind_tenant(session, self.claims.tenant_id)
        principal = await self._principal(session)
        if isinstance(self.body, Problem):
            raise self.body
        check_query(self.request, self.known)
        is_trial = self.request.query_params.get("validate_only", "false") == "true"
        keyed = self._keyed(principal, self.body)
        if keyed is not None:
            replay = await keyed.claim(session)
            if replay is not None:
                return replay
        reply = await self._handled(session, principal, keyed)
        write: Write = self.request.scope["plp.write"]
        self.looking = write if reply.status_code < 300 and (is_trial or not write.is_recorded) else None
        if is_trial:
            raise _ValidateOnly(reply)
        if keyed is not None:
            keyed.store(session, reply, write.subject)
        await session.flush()
        return reply

    async def _principal(self, session: AsyncSession) -> Principal:
        """The caller as of now; parsed anew only if the database says something else than it did last."""
        claims, principals = self.claims, self.runtime.principals
        reader = await read_inside(session)
        row = await reader.fetch_row(FACTS, {"caller_tenant": claims.tenant_id, "caller_session": claims.session_id})
        if row["facts"] is None:
            raise unauthorized()
        known = principals.get(claims.session_id)
        if known is not None and known[0] == row["facts"]:
            return known[1]
        return principals.remember(row["facts"], claims)

    def _keyed(self, principal: Principal, body: bytes) -> KeyedRequest | None:
        key = self.request.headers.get("idempotency-key")
        if key is None or self.request.method != "POST" or not self.route.idempotent:
            return None
        target = self.request.url.path + "?" + self.request.url.query
        return KeyedRequest(self.runtime.keyring, principal, check_key(key), self.request.method, target, body)

    async def _handled(self, session: AsyncSession, principal: Principal, keyed: KeyedRequest | None) -> Response:
        """Run the handler; a business refusal under a key becomes a reply to store, its effects undone."""
        assert isinstance(self.body, bytes)
        request = WireRequest(self.request.scope, self.body)
        request.scope["plp.write"] = Write(request, self.runtime, self.claims, session, principal)
        if keyed is None:
            return await self._call(request, session)
        try:
            async with session.begin_nested():
                return await self._call(request, session)
        except Problem as problem:
            if not is_stored(problem):
                raise
            return problem_response(problem, str(self.request.scope.get("request_id", "")))

    async def _call(self, request: Request, session: AsyncSession) -> Response:
        try:
            reply = await self.original(request)
            await session.flush()
            return reply
        except RequestValidationError as error:
            raise validation_problem(error.errors(), "body") from None
        except DBAPIError as error:
            problem = None if sqlstate(error) in RETRYABLE else database_problem(error)
            if problem is None:
                raise
            raise problem from error


def precondition_required() -> Problem:
    return Problem(
        428,
        "if_match_required",
        "If-Match is missing",
        "Send If-Match with the ETag that you read, so that nobody's change is overwritten.",
    )
