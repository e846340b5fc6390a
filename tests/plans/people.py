"""Everybody around one learner, each with exactly one relation, and the calls that tests make as them."""

from dataclasses import dataclass
from typing import Any

import httpx

from app.learners.models import Learner
from tests.factories import EARLIER, LATER, World

READERS = (
    "learner",
    "guardian",
    "teacher",
    "advisor",
    "counselor",
    "case_manager",
    "school_admin",
    "district_admin",
    "service_reader",
    "service_writer",
)
STRANGERS = (
    "other_learner",
    "restricted_guardian",
    "restricted_teacher",
    "restricted_counselor",
    "restricted_school_admin",
    "restricted_district_admin",
    "former_teacher",
    "future_teacher",
    "teacher_elsewhere",
    "former_counselor",
    "other_school_admin",
    "mentor",
    "service_without_scope",
)


@dataclass
class Cast:
    """A learner and, by label, the people and services around."""

    world: World
    learner: Learner
    people: dict[str, Any]
    _clients: dict[str, httpx.AsyncClient]

    async def as_(self, label: str) -> httpx.AsyncClient:
        if label not in self._clients:
            self._clients[label] = await self.world.client_for(self.people[label])
        return self._clients[label]


async def gather(world: World, *labels: str) -> Cast:
    """A learner and those of the cast who are wanted."""
    learner = await world.learner()
    cast = Cast(world, learner, {"learner": learner}, {})
    for label in labels:
        if label != "learner":
            cast.people[label] = await _enter(world, learner, label)
    return cast


async def _enter(world: World, learner: Learner, label: str) -> Any:
    match label:
        case "guardian":
            return await world.guardian_of(learner)
        case "teacher" | "named_teacher":
            return await world.teacher_of(learner)
        case "advisor" | "counselor" | "case_manager":
            return await world.staff_of(learner, label)
        case "school_admin":
            return await world.school_admin()
        case "district_admin":
            return await world.district_admin()
        case "service_reader":
            return await world.service("plans.read", "events.read")
        case "service_writer":
            return await world.service("plans.write", "events.read")
        case _:
            return await _stranger(world, learner, label)


async def _stranger(world: World, learner: Learner, label: str) -> Any:
    match label:
        case "other_learner":
            return await world.learner("Otto", "Other")
        case "restricted_guardian":
            return await restricted(world, await world.person("Ray", "Restricted", role="guardian"), learner)
        case "restricted_teacher" | "restricted_counselor" | "restricted_school_admin" | "restricted_district_admin":
            return await restricted(world, await _enter(world, learner, label.removeprefix("restricted_")), learner)
        case "former_teacher" | "future_teacher":
            teacher = await world.person("Tom", "Teacher", role="teacher")
            dates = {"until_on": EARLIER} if label == "former_teacher" else {"from_on": LATER}
            await world.enroll(await world.class_(None, [learner]), teacher, "teacher", **dates)
            return teacher
        case "teacher_elsewhere":
            return await world.teacher_of(await world.learner("Olga", "Other"))
        case "former_counselor":
            counselor = await world.person("Carl", "Counselor", role="counselor")
            await world.caseload(counselor, learner, until_on=EARLIER)
            return counselor
        case "other_school_admin":
            return await world.school_admin(at=await world.school("Other School"))
        case "mentor":
            return await world.person("Mia", "Mentor", role="mentor")
        case "service_without_scope":
            return await world.service("competencies.read", "events.read")
    raise AssertionError(label)


async def restricted(world: World, person: Any, learner: Learner) -> Any:
    """The person, who is the learner's guardian too, and kept from the learner."""
    await world.restrict(await world.guardian(person, learner))
    return person


async def tag(client: httpx.AsyncClient, url: str) -> str:
    """The ETag of what the client sees now."""
    reply = await client.get(url)
    assert reply.status_code == 200, reply.text
    return reply.headers["etag"]


async def change(client: httpx.AsyncClient, url: str, body: dict[str, Any]) -> httpx.Response:
    """PATCH what the client has just read."""
    return await client.patch(url, json=body, headers={"If-Match": await tag(client, url)})


async def move(client: httpx.AsyncClient, url: str, action: str, reason: str | None = None) -> httpx.Response:
    """Take a transition of what the client has just read."""
    body = {"action": action} if reason is None else {"action": action, "reason": reason}
    return await client.post(f"{url}/transitions", json=body, headers={"If-Match": await tag(client, url)})


async def remove(client: httpx.AsyncClient, url: str) -> httpx.Response:
    return await client.delete(url, headers={"If-Match": await tag(client, url)})


def ok(reply: httpx.Response, status: int = 200) -> Any:
    """The body of a reply that must have this status."""
    assert reply.status_code == status, f"{reply.request.method} {reply.request.url}: {reply.status_code} {reply.text}"
    return reply.json() if reply.content else None


async def read(client: httpx.AsyncClient, url: str, **query: Any) -> Any:
    return ok(await client.get(url, params=query))


def refusal(reply: httpx.Response) -> tuple[int, str]:
    """Status and code of a problem."""
    return reply.status_code, reply.json()["code"]


def fault(reply: httpx.Response) -> tuple[int, str, str]:
    """Status, and pointer and code of the first thing that was wrong with the input."""
    first = reply.json()["errors"][0]
    return reply.status_code, first["pointer"], first["code"]
