"""One object of every kind in a tenant, and for every operation of the API a request that succeeds there.

Tests that hold for all operations walk `SAMPLES`; a test of theirs fails for an operation that has none.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.plans.models import Plan
from tests import sharing_factories as sharing
from tests.factories import EARLIER, SCHOOL_YEAR, World

PASSWORD = "violet canyon 42"
Body = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """A request that succeeds: who sends it, whose id is in the path, and the body. `@name` stands for the id of the
    scene's object of that name."""

    caller: str | None = "counselor"
    target: str | None = None
    body: Body | None = None
    is_tenant_wide: bool = False
    """Whether everybody in the tenant may read it."""
    query: Body | None = None
    """Query parameters that the operation cannot do without."""


GOAL: Body = {"title": "Read", "category": "academic", "competency_ids": ["@competency"], "teacher_ids": ["@teacher"]}
PLAN: Body = {"learner_id": "@pupil", "school_year": SCHOOL_YEAR + 5, "title": "Next plan"}
CLIENT: Body = {"name": "Roster sync", "scopes": ["roster.read"]}
SIGN_IN: Body = {"identifier": "nobody@school.example", "password": PASSWORD, "client": "app"}
SHARE_LINK: Body = {
    "label": "Harbor Robotics",
    "purpose": "Internship",
    "sections": ["plan"],
    "expires_at": (datetime.now(UTC) + timedelta(days=30)).isoformat(),
    "consent_id": "@consent",
}
DELEGATION: Body = {
    "delegator_id": "@teacher",
    "delegate_id": "@newcomer",
    "from_on": "2026-11-02",
    "until_on": "2027-02-01",
    "reason": "Parental leave.",
}
CONSENT: Body = {
    "purpose": "sharing",
    "recipient": "Mentors of the youth club",
    "recipient_person_id": "@teacher",
    "sections": ["plan"],
    "method": "on_paper",
    "reference": "Folder 7",
    "consenter_id": "@guardian",
}
GRANT: Body = {
    "person_id": "@newcomer",
    "goal_ids": ["@goal"],
    "level": "comment",
    "purpose": "Tutoring",
    "consent_id": "@consent",
}
RESET: Body = {"token": "plp_ot_unknown", "new_password": "amber meadow 77"}

SAMPLES: dict[str, Sample] = {
    "create_session": Sample(None, body=SIGN_IN),
    "refresh_session": Sample(None, body={"refresh_token": "plp_rt_unknown"}),
    "complete_password_reset": Sample(None, body=RESET),
    "create_access_token": Sample(None),
    "revoke_access_token": Sample(None),
    "get_jwks": Sample(None),
    "list_sessions": Sample(),
    "end_current_session": Sample(),
    "end_session": Sample("pupil", "session"),
    "change_password": Sample(body={"current_password": PASSWORD, "new_password": "amber meadow 77"}),
    "get_me": Sample(),
    "list_accounts": Sample("admin"),
    "get_account": Sample("admin", "account"),
    "create_account": Sample("admin", body={"person_id": "@newcomer", "username": "new.comer"}),
    "update_account": Sample("admin", "account", {"is_disabled": True}),
    "create_password_reset": Sample("admin", "account"),
    "list_service_clients": Sample("admin"),
    "get_service_client": Sample("admin", "service_client"),
    "create_service_client": Sample("admin", body=CLIENT),
    "update_service_client": Sample("admin", "service_client", {"name": "Other"}),
    "delete_service_client": Sample("admin", "service_client"),
    "create_client_secret": Sample("admin", "service_client"),
    "list_learners": Sample(),
    "list_my_learners": Sample(),
    "get_learner": Sample(target="pupil"),
    "list_profile_statements": Sample(target="pupil"),
    "create_profile_statement": Sample(target="pupil", body={"kind": "interest", "statement": "Mends radios."}),
    "get_profile_statement": Sample(target="profile_statement"),
    "change_profile_statement": Sample(target="profile_statement", body={"kind": "strength"}),
    "delete_profile_statement": Sample(target="profile_statement"),
    "list_staff_notes": Sample(target="pupil"),
    "create_staff_note": Sample(target="pupil", body={"text": "Ask about the move."}),
    "get_staff_note": Sample(target="staff_note"),
    "change_staff_note": Sample(target="staff_note", body={"text": "The move went well."}),
    "delete_staff_note": Sample(target="staff_note"),
    "get_majority": Sample(target="pupil"),
    "change_majority": Sample(target="pupil", body={"birth_on": "2012-02-29"}),
    "list_classes": Sample(),
    "get_class": Sample("teacher", "class"),
    "list_plans": Sample(),
    "create_plan": Sample(body=PLAN),
    "get_plan": Sample(target="plan"),
    "change_plan": Sample(target="plan", body={"title": "Other"}),
    "move_plan": Sample("pupil", "submitted_plan", {"action": "withdraw"}),
    "list_plan_events": Sample(target="plan"),
    "list_goals": Sample(target="plan"),
    "create_goal": Sample(target="plan", body=GOAL),
    "get_goal": Sample(target="goal"),
    "change_goal": Sample(target="goal", body={"title": "Other"}),
    "delete_goal": Sample("pupil", "goal"),
    "move_goal": Sample(target="goal", body={"action": "agree"}),
    "list_actions": Sample(target="goal"),
    "create_action": Sample(target="goal", body={"title": "Ask"}),
    "get_action": Sample(target="action"),
    "change_action": Sample(target="action", body={"title": "Other"}),
    "delete_action": Sample(target="action"),
    "move_action": Sample(target="action", body={"action": "complete"}),
    "list_milestones": Sample(target="goal"),
    "create_milestone": Sample(target="goal", body={"title": "Half"}),
    "get_milestone": Sample(target="milestone"),
    "change_milestone": Sample(target="milestone", body={"is_reached": True}),
    "delete_milestone": Sample(target="milestone"),
    "list_progress": Sample(target="agreed_goal"),
    "create_progress": Sample(target="agreed_goal", body={"value": "70"}),
    "get_progress": Sample(target="progress"),
    "list_plan_comments": Sample(target="plan"),
    "create_plan_comment": Sample(target="plan", body={"text": "Well done."}),
    "list_goal_comments": Sample(target="goal"),
    "create_goal_comment": Sample(target="goal", body={"text": "Well done."}),
    "get_comment": Sample(target="comment"),
    "change_comment": Sample(target="comment", body={"text": "Very well done."}),
    "delete_comment": Sample(target="comment"),
    "list_reflections": Sample("pupil", "plan"),
    "create_reflection": Sample("pupil", "plan", {"is_private": True, "text": "Quiet helps.", "goal_id": "@goal"}),
    "get_reflection": Sample("pupil", "reflection"),
    "change_reflection": Sample("pupil", "reflection", {"is_private": False}),
    "delete_reflection": Sample("pupil", "reflection"),
    "list_access": Sample(target="pupil"),
    "explain_access": Sample(
        target="pupil", query={"person_id": "@teacher", "action": "plan:read", "plan_id": "@plan"}
    ),
    "get_sharing_rules": Sample(),
    "change_sharing_rules": Sample(
        "admin", body={"rules": [{"section": "mastery", "relation": "guardian", "level": "read"}]}
    ),
    "list_access_log": Sample(target="pupil"),
    "list_break_glass": Sample(target="pupil"),
    "create_break_glass": Sample(
        "admin", "pupil", {"sections": ["staff_notes"], "reason": "Somebody is in danger.", "minutes": 30}
    ),
    "get_break_glass": Sample("admin", "break_glass"),
    "end_break_glass": Sample("admin", "break_glass"),
    "list_grants": Sample(),
    "list_share_links": Sample(),
    "list_plan_share_links": Sample(target="plan"),
    "create_share_link": Sample(target="plan", body=SHARE_LINK),
    "get_share_link": Sample(target="share_link"),
    "move_share_link": Sample(target="share_link", body={"action": "revoke"}),
    "open_share_link": Sample(None, body={"token": "plp_sl_unknown"}),
    "list_disclosures": Sample(target="pupil"),
    "list_plan_grants": Sample(target="plan"),
    "create_grant": Sample(target="plan", body=GRANT),
    "get_grant": Sample(target="grant"),
    "change_grant": Sample(target="grant", body={"purpose": "Coaching"}),
    "move_grant": Sample(target="grant", body={"action": "revoke"}),
    "list_person_grants": Sample(target="grantee"),
    "list_share_candidates": Sample(target="plan"),
    "list_team_members": Sample(target="plan"),
    "create_team_member": Sample(target="plan", body={"person_id": "@newcomer", "role": "Coach"}),
    "get_team_member": Sample(target="team_member"),
    "change_team_member": Sample(target="team_member", body={"role": "Coach"}),
    "delete_team_member": Sample(target="team_member"),
    "list_caseloads": Sample(target="pupil"),
    "create_caseload": Sample("admin", "pupil", {"person_id": "@newcomer", "kind": "advisor"}),
    "get_caseload": Sample(target="caseload"),
    "change_caseload": Sample("admin", "caseload", {"until_on": "2030-01-01"}),
    "delete_caseload": Sample("admin", "caseload"),
    "list_delegations": Sample("admin"),
    "create_delegation": Sample("admin", body=DELEGATION),
    "get_delegation": Sample("admin", "delegation"),
    "change_delegation": Sample("admin", "delegation", {"reason": "Sabbatical."}),
    "delete_delegation": Sample("admin", "delegation"),
    "list_guardianships": Sample(target="pupil"),
    "get_guardianship": Sample(target="guardianship"),
    "list_restrictions": Sample(target="guardianship"),
    "create_restriction": Sample(
        target="guardianship", body={"kind": "sections", "sections": ["evidence"], "evidence_reference": "Court 1/26"}
    ),
    "get_restriction": Sample(target="restriction"),
    "change_restriction": Sample(target="restriction", body={"evidence_reference": "Court 2/26"}),
    "delete_restriction": Sample(target="restriction"),
    "list_consents": Sample(target="pupil"),
    "create_consent": Sample(target="pupil", body=CONSENT),
    "get_consent": Sample(target="consent"),
    "move_consent": Sample(target="consent", body={"action": "withdraw"}),
    "list_frameworks": Sample(),
    "get_framework": Sample(target="framework", is_tenant_wide=True),
    "list_competencies": Sample(),
    "get_competency": Sample(target="competency", is_tenant_wide=True),
    "list_changes": Sample(),
}

STRANGERS = ("strange_counselor", "strange_teacher", "strange_guardian", "strange_pupil", "strange_admin", "mentor")
"""People of the tenant who have rights, but none over what the samples name."""

ALL_SCOPES = (
    "roster.read", "roster.write", "plans.read", "plans.write", "competencies.read", "competencies.write",
    "events.read", "access.manage", "supports.read",
)  # fmt: skip


class Scene:
    """A tenant in which every sample finds what it names."""

    def __init__(self, world: World, app: FastAPI) -> None:
        self.world = world
        self.routes = operations(app)
        self.ids: dict[str, UUID] = {}
        self.people: dict[str, Any] = {}
        self._clients: dict[str, httpx.AsyncClient] = {}

    @classmethod
    async def create(cls, world: World, app: FastAPI) -> "Scene":
        scene = cls(world, app)
        await scene._people_it()
        await scene._fill_it()
        return scene

    async def client(self, name: str) -> httpx.AsyncClient:
        """A client signed in as one of the scene's people."""
        if name not in self._clients:
            self._clients[name] = await self.world.client_for(self.people[name])
        return self._clients[name]

    async def token(self, name: str) -> str:
        """An access token of a new session of one of the scene's people."""
        return await self.world.token_for(self.people[name])

    def address(self, operation: str, target: object = None) -> str:
        """The path of an operation, to its sample's target if no other is named."""
        route = self.routes[operation]
        name = SAMPLES[operation].target
        if name is None:
            return route.path
        before, _, rest = route.path.partition("{")
        return before + str(target or self.ids[name]) + rest.partition("}")[2]

    def body(self, operation: str) -> Body | None:
        body = SAMPLES[operation].body
        return None if body is None else {name: self._resolved(value) for name, value in body.items()}

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._resolved(item) for item in value]
        if isinstance(value, str) and value.startswith("@"):
            return str(self.ids[value[1:]])
        return value

    async def send(
        self,
        operation: str,
        *,
        client: httpx.AsyncClient | None = None,
        target: object = None,
        body: Body | None = None,
        query: dict[str, str] | None = None,
        is_trial: bool = False,
    ) -> httpx.Response:
        """Send an operation's sample, with changes. Replies to equal requests are equal to the byte."""
        method = method_of(self.routes[operation])
        needed = {name: self._resolved(value) for name, value in (SAMPLES[operation].query or {}).items()}
        query = needed | (query or {}) | ({"validate_only": "true"} if is_trial and method != "GET" else {})
        client = client or await self.client(SAMPLES[operation].caller or "counselor")
        return await client.request(
            method,
            self.address(operation, target),
            params=query,
            json=body if body is not None else self.body(operation),
            headers={"If-Match": "*", "X-Request-Id": "same"},
        )

    async def _people_it(self) -> None:
        world = self.world
        pupil, strange_pupil = await world.learner("Pia", "Pupil"), await world.learner("Otto", "Other")
        elsewhere = await world.school("Elsewhere")
        teacher, strange_teacher = await world.teacher_of(), await world.teacher_of()
        class_, other_class = await world.class_(teacher, [pupil]), await world.class_(strange_teacher, [strange_pupil])
        newcomer = await world.person("New", "Comer", role="teacher")
        self.people = {
            "pupil": pupil,
            "counselor": await world.staff_of(pupil),
            "teacher": teacher,
            "admin": await world.district_admin(),
            "service": await world.service(*ALL_SCOPES),
            "strange_pupil": strange_pupil,
            "strange_counselor": await world.staff_of(strange_pupil),
            "strange_teacher": strange_teacher,
            "strange_guardian": await world.guardian_of(strange_pupil),
            "strange_admin": await world.school_admin(at=elsewhere),
            "mentor": await world.person(role="mentor"),
        }
        self.ids = {name: person.id for name, person in self.people.items()} | {
            "newcomer": newcomer.id,
            "class": class_.id,
            "other_class": other_class.id,
            "school": world.home_school.id,
            "elsewhere": elsewhere.id,
        }

    async def _fill_it(self) -> None:
        world, pupil = self.world, self.people["pupil"]
        plan = await world.plan(pupil)
        submitted = await world.plan(pupil, school_year=SCHOOL_YEAR + 1, status="in_review", submitted_by=pupil.id)
        goal, agreed_goal = await world.goal(plan), await world.goal(plan, status="agreed")
        framework = await world.framework()
        account = await world.account(pupil)
        leaver = await world.account(await world.person("Lee", "Leaver", role="teacher"))
        self.ids |= {
            "plan": plan.id,
            "submitted_plan": submitted.id,
            "goal": goal.id,
            "agreed_goal": agreed_goal.id,
            "action": (await world.action(goal)).id,
            "milestone": (await world.milestone(goal)).id,
            "progress": (await world.progress(agreed_goal)).id,
            "comment": (await sharing.comment(world, plan, self.people["counselor"], goal=goal)).id,
            "reflection": (await sharing.reflection(world, plan, is_private=True)).id,
            "profile_statement": (await sharing.profile_statement(world, pupil, self.people["counselor"])).id,
            "staff_note": (await sharing.staff_note(world, pupil, self.people["counselor"])).id,
            "break_glass": (await sharing.break_glass(world, pupil, self.people["admin"], sections=["evidence"])).id,
            "consent": (await sharing.consent(world, pupil)).id,
            "share_link": (await sharing.share_link(world, plan)).id,
            "framework": framework.id,
            "competency": (await world.competency(framework)).id,
            "account": leaver.id,
            "session": (await world.session(account)).id,
            "service_client": (await world.service("plans.read")).id,
        }
        await self._add_facts()
        await self._share(plan)

    async def _share(self, plan: Plan) -> None:
        """People whom the pupil's plan is shared with."""
        grantee = await self.world.person("Gus", "Grantee", role="teacher")
        helper = await self.world.person("Hal", "Helper", role="teacher")
        self.ids |= {
            "grantee": grantee.id,
            "grant": (await sharing.grant(self.world, plan, grantee)).id,
            "team_member": (await sharing.team_member(self.world, plan, helper)).id,
        }

    async def _add_facts(self) -> None:
        """What access follows from: people with a relation to the pupil that nothing else of the scene leans on."""
        world, pupil, teacher = self.world, self.people["pupil"], self.people["teacher"]
        guardian = await world.person("Gail", "Guardian", role="guardian")
        guardianship = await world.guardian(guardian, pupil)
        former = await world.person("Fay", "Former", role="counselor")
        self.ids |= {
            "guardian": guardian.id,
            "guardianship": guardianship.id,
            "restriction": (await sharing.restrict_sections(world, guardianship, ["evidence"])).id,
            "caseload": (await world.caseload(former, pupil, until_on=EARLIER)).id,
            "delegation": (await sharing.delegation(world, teacher, former, until_on=date(2020, 2, 1))).id,
        }


def operations(app: FastAPI) -> dict[str, APIRoute]:
    """The documented routes of an application, by operation id."""
    return {route.name: route for route in app.routes if isinstance(route, APIRoute) and route.include_in_schema}


def method_of(route: APIRoute) -> str:
    return next(iter(route.methods or ()))


def assert_problem(reply: httpx.Response, status: int, code: str, pointer: str | None = None) -> None:
    """The reply is this problem, and a whole one."""
    assert reply.headers["content-type"] == "application/problem+json"
    problem = reply.json()
    assert (reply.status_code, problem["status"], problem["code"]) == (status, status, code), reply.text
    assert problem["request_id"] == reply.headers["x-request-id"]
    if pointer is not None:
        assert pointer in [error["pointer"] for error in problem["errors"]]
