"""Brings the principals of the matrix into a scene: each is made when first asked for, and signed in."""

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from app.core.runtime import Runtime
from app.db.base import new_id
from app.identity.models import ServiceClient
from app.learners.models import Learner
from app.plans.models import Goal, Plan
from app.roster.models import Person
from app.sharing.link_token import LinkToken
from tests import sharing_factories as sharing
from tests.factories import BASE_URL, EARLIER, LATER, World
from tests.plans.people import restricted
from tests.scene import Scene

DATES: dict[str, dict[str, Any]] = {"former": {"until_on": EARLIER}, "future": {"from_on": LATER}}
SPANS: dict[str, dict[str, Any]] = {
    "former": {"from_on": EARLIER, "until_on": date(2020, 2, 1)},
    "future": {"from_on": LATER, "until_on": date(2099, 2, 1)},
}
"""Of facts that must have both ends."""


class Principals:
    """The scene's own people and those whom the matrix adds around its pupil."""

    def __init__(self, scene: Scene, twin: Scene, transport: httpx.AsyncBaseTransport) -> None:
        self.scene = scene
        self.twin = twin
        self.world = scene.world
        self._transport = transport
        self._clients: dict[str, httpx.AsyncClient] = {}

    @property
    def pupil(self) -> Any:
        return self.scene.people["pupil"]

    async def client(self, name: str) -> httpx.AsyncClient:
        if name not in self._clients:
            self._clients[name] = await self._sign_in(name)
        return self._clients[name]

    async def _sign_in(self, name: str) -> httpx.AsyncClient:
        token = await self._bad_token(name)
        if token is not None:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            return httpx.AsyncClient(transport=self._transport, base_url=BASE_URL, headers=headers)
        if name == "twin_admin":
            return await self.twin.world.client_for(self.twin.people["admin"])
        if name.startswith("service_"):
            return await self.world.client_for(await self.world.service(name.removeprefix("service_")))
        if name == "pupil_of_age":
            return await self.world.client_for(self.pupil)
        if name not in self.scene.people:
            self.scene.people[name] = await self._enter(name)
        return await self.world.client_for(self.scene.people[name])

    async def _bad_token(self, name: str) -> str | None:
        """A token that is none, the empty one for who brings nothing; None for who has a good one."""
        world, counselor = self.world, self.scene.people["counselor"]
        match name:
            case "anonymous":
                return ""
            case "share_link_holder":
                return await shared(world.runtime, world, await self._row(Plan, "plan"))
            case "expired_token":
                return await token_of(world, counselor, now=time.time() - 3600)
            case "ended_session":
                account = await world.account(counselor)
                return await world.token(await world.session(account, ended_at=datetime.now(UTC)))
            case "disabled_account":
                return await world.token_for(await self._disabled())
            case "deleted_service":
                service = await world.service("plans.write", "access.manage")
                token = await world.token_for(service)
                async with world.transaction() as session:
                    await session.delete(await session.get_one(ServiceClient, (world.tenant.id, service.id)))
                return token
        return None

    async def _disabled(self) -> Any:
        person = await self.world.staff_of(self.pupil)
        await self.world.account(person, is_disabled=True)
        return person

    async def _enter(self, name: str) -> Any:
        """Somebody with one relation to the pupil, of the dates that the name says."""
        when, _, who = name.partition("_")
        if when in DATES:
            return await self._dated(who, when)
        world, pupil = self.world, self.pupil
        match name:
            case "named_teacher":
                return await self._named_teacher()
            case "advisor" | "case_manager":
                return await world.staff_of(pupil, name)
            case "second_counselor" | "counselor_of_the_grown":
                return await world.staff_of(pupil)
            case "guardian" | "guardian_of_the_grown":
                return await world.guardian_of(pupil)
            case "school_admin":
                return await world.school_admin()
            case "team_member":
                return await self._dated("team_member", "")
            case "grantee":
                return await self._row(Person, "grantee")
            case "substitute_counselor":
                return await self._substitute(await world.staff_of(pupil))
            case "substitute_named_teacher":
                return await self._substitute(await self._named_teacher())
            case "substitute_of_a_former_counselor":
                return await self._substitute(await self._dated("counselor", "former"))
            case "guardian_who_may_stay":
                guardian = await world.guardian_of(pupil)
                await sharing.consent(world, pupil, purpose="guardian_access", recipient_person=guardian, sections=[])
                return guardian
        if name.endswith("break_glass"):
            return await self._break_glass(name)
        if name.endswith("grantee"):
            return await self._grantee(name)
        return await self._restricted(name)

    async def _dated(self, who: str, when: str) -> Any:
        world, pupil, dates = self.world, self.pupil, DATES.get(when, {})
        match who:
            case "teacher":
                teacher = await world.person("Tom", "Teacher", role="teacher")
                await world.enroll(await world.class_(None, [pupil]), teacher, "teacher", **dates)
                return teacher
            case "counselor":
                counselor = await world.person("Carl", "Counselor", role="counselor")
                await world.caseload(counselor, pupil, **dates)
                return counselor
            case "guardian":
                guardian = await world.person("Gwen", "Guardian", role="guardian")
                await world.guardian(guardian, pupil, **dates)
                return guardian
            case "school_admin" | "admin":
                admin = await world.person("Alma", "Admin")
                await world.role(admin, "district_admin" if who == "admin" else who, **dates)
                return admin
            case "team_member":
                member = await world.person("Ted", "Team", role="teacher")
                await sharing.team_member(world, await self._row(Plan, "plan"), member, **dates)
                return member
            case "grantee":
                return await self._grantee(who, **SPANS[when])
            case "substitute":
                return await self._substitute(await world.staff_of(pupil), **SPANS[when])
        raise AssertionError(who)

    async def _named_teacher(self) -> Any:
        teacher = await self.world.teacher_of(self.pupil)
        for goal in ("goal", "agreed_goal"):
            await self.world.name_teacher(await self._row(Goal, goal), teacher)
        return teacher

    async def _substitute(self, absent: Any, **dates: Any) -> Any:
        substitute = await self.world.person("Sue", "Substitute", role="teacher")
        await sharing.delegation(self.world, absent, substitute, **dates)
        return substitute

    async def _break_glass(self, name: str) -> Any:
        admin, now = await self.world.school_admin(), datetime.now(UTC)
        state: dict[str, Any] = {}
        if name.startswith("expired"):
            state["expires_at"] = now - timedelta(minutes=1)
        if name.startswith("ended"):
            state["ended_at"] = now
        sections = ["staff_notes", "private_reflections"]
        await sharing.break_glass(self.world, self.pupil, admin, sections=sections, **state)
        return admin

    async def _grantee(self, name: str, **fields: Any) -> Any:
        world, plan = self.world, await self._row(Plan, "plan")
        person = await world.person("Greta", "Grantee", role="mentor")
        match name.removesuffix("_grantee"):
            case "proposing":
                fields |= {"level": "propose", "sections": ["plan", "profile"]}
            case "writing":
                fields |= {"level": "write"}
            case "reflections":
                fields |= {"sections": ["reflections", "evidence"]}
            case "goal":
                fields |= {"level": "comment", "sections": [], "goals": [await self._row(Goal, "goal")]}
            case "revoked" | "proposed" | "declined" as status:
                fields |= {"status": status}
            case "consentless":
                withdrawn = await sharing.consent(world, self.pupil, withdrawn_at=datetime.now(UTC))
                fields |= {"consent_id": withdrawn.id}
            case "restricted":
                await world.restrict(await world.guardian(person, self.pupil))
        await sharing.grant(world, plan, person, **fields)
        return person

    async def _restricted(self, name: str) -> Any:
        world, pupil = self.world, self.pupil
        dates: dict[str, Any] = {}
        match name:
            case "restricted_guardian":
                return await restricted(world, await world.person("Ray", "Restricted", role="guardian"), pupil)
            case "restricted_counselor":
                return await restricted(world, await world.staff_of(pupil), pupil)
            case "restricted_admin":
                return await restricted(world, await world.district_admin(), pupil)
        match name:
            case "guardian_kept_from_plan":
                person, sections = await world.person(role="guardian"), ["plan"]
            case "counselor_kept_from_access":
                person, sections = await world.staff_of(pupil), ["access"]
            case "formerly_restricted_guardian":
                person, sections, dates = await world.person(role="guardian"), ["plan"], DATES["former"]
            case _:
                raise AssertionError(name)
        await sharing.restrict_sections(world, await world.guardian(person, pupil), sections, **dates)
        return person

    async def _row(self, entity: type[Any], name: str) -> Any:
        async with self.world.transaction() as session:
            return await session.get_one(entity, (self.world.tenant.id, self.scene.ids[name]))


async def let_grow_up(scene: Scene) -> None:
    """The pupil is of age."""
    pupil: Learner = scene.people["pupil"]
    await sharing.age(scene.world, pupil, birth_on=date(2000, 1, 1))


async def token_of(world: World, person: Any, now: float) -> str:
    """An access token of the person, of a live session, issued at another time."""
    account = await world.account(person)
    session = await world.session(account)
    signer = await world.runtime.keys.signer()
    return signer.issue(tenant_id=world.tenant.id, subject=account.id, session_id=session.id, now=now)


async def shared(runtime: Runtime, world: World, plan: Plan, **fields: Any) -> str:
    """The token of a new share link to the plan."""
    token = LinkToken.new(world.tenant.id, new_id())
    await sharing.share_link(world, plan, id=token.link_id, token_hash=token.hash(runtime.keyring), **fields)
    return token.write()
