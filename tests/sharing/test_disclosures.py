"""What left the school, and who reads of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.db.base import new_id
from app.sharing.models import Disclosure
from tests import sharing_factories as sharing
from tests.factories import World
from tests.plans.people import Cast, gather, read, refusal

pytestmark = pytest.mark.anyio

READERS = ("learner", "guardian", "advisor", "counselor", "case_manager", "school_admin", "district_admin")
OTHERS = ("teacher", "other_learner", "restricted_guardian", "restricted_counselor", "other_school_admin", "mentor")
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def of(cast: Cast) -> str:
    return f"/v1/learners/{cast.learner.id}/disclosures"


async def note(world: World, learner: Any, *, hours: int = 0, **fields: Any) -> Disclosure:
    """By default of a link that was opened, so many hours after noon."""
    values: dict[str, Any] = {
        "at": NOON + timedelta(hours=hours),
        "basis": "share_link",
        "share_link_id": new_id(),
        "recipient": "Harbor Robotics",
        "purpose": "Internship",
        "sections": ["plan"],
        "fields": ["plan.title"],
        "request_id": "r",
    }
    return await world.make(Disclosure, learner_id=learner.id, **values | fields)


async def ids(client: httpx.AsyncClient, url: str, **query: Any) -> list[str]:
    return [item["id"] for item in (await read(client, url, **query))["items"]]


async def test_a_disclosure_says_who_received_what_and_why(world: World) -> None:
    cast = await gather(world, "mentor")
    plan, consent = await world.plan(cast.learner), await sharing.consent(world, cast.learner)
    noted = await note(
        world,
        cast.learner,
        basis="grant",
        share_link_id=None,
        access_grant_id=new_id(),
        recipient="Mia Mentor",
        recipient_person_id=cast.people["mentor"].id,
        plan_id=plan.id,
        consent_id=consent.id,
        fields=[],
    )
    page = await read(await cast.as_("learner"), of(cast))
    assert page["items"] == [
        {
            "id": str(noted.id),
            "at": "2026-11-01T12:00:00.000000Z",
            "basis": "grant",
            "recipient": "Mia Mentor",
            "recipient_person": {
                "id": str(cast.people["mentor"].id),
                "given_name": "Mia",
                "family_name": "Mentor",
            },
            "purpose": "Internship",
            "sections": ["plan"],
            "fields": [],
            "plan_id": str(plan.id),
            "consent_id": str(consent.id),
            "access_grant_id": str(noted.access_grant_id),
            "share_link_id": None,
        }
    ]


@pytest.mark.parametrize("label", READERS)
async def test_who_reads_who_has_access_reads_the_disclosures(world: World, label: str) -> None:
    cast = await gather(world, label)
    noted = await note(world, cast.learner)
    await note(world, await world.learner("Otto", "Other"))
    page = await read(await cast.as_(label), of(cast))
    assert [item["id"] for item in page["items"]] == [str(noted.id)]
    assert page["items"][0]["recipient_person"] is None


@pytest.mark.parametrize("label", OTHERS)
async def test_for_others_there_are_none(world: World, label: str) -> None:
    cast = await gather(world, label)
    await note(world, cast.learner)
    assert refusal(await (await cast.as_(label)).get(of(cast))) == (404, "not_found")


async def test_a_service_needs_the_scope_that_manages_access(world: World) -> None:
    cast = await gather(world, "service_writer")
    noted = await note(world, cast.learner)
    reply = await (await cast.as_("service_writer")).get(of(cast))
    assert reply.status_code in (403, 404)
    manager = await world.client_for(await world.service("access.manage"))
    assert await ids(manager, of(cast)) == [str(noted.id)]


async def test_disclosures_are_listed_newest_first_and_filtered(world: World) -> None:
    cast = await gather(world)
    client = await cast.as_("learner")
    first = await note(world, cast.learner, hours=0)
    second = await note(world, cast.learner, hours=1, basis="grant", share_link_id=None, access_grant_id=new_id())
    third = await note(world, cast.learner, hours=2)
    one, two, three = (str(each.id) for each in (first, second, third))
    assert await ids(client, of(cast)) == [three, two, one]
    assert await ids(client, of(cast), sort="at") == [one, two, three]
    assert await ids(client, of(cast), basis="grant") == [two]
    assert await ids(client, of(cast), since="2026-11-01T13:00:00Z") == [three, two]
    page = await read(client, of(cast), limit=2, count="true")
    assert page["total"] == 3
    assert await ids(client, of(cast), limit=2, cursor=page["next_cursor"]) == [one]


@pytest.mark.parametrize("query", [{"basis": "export"}, {"since": "yesterday"}, {"since": "2026-11-01"}])
async def test_a_filter_that_is_none_is_refused(world: World, query: dict[str, str]) -> None:
    cast = await gather(world)
    reply = await (await cast.as_("learner")).get(of(cast), params=query)
    assert refusal(reply) == (422, "validation_error")


async def test_a_restriction_hides_them_from_who_is_kept_from_section_access(world: World) -> None:
    cast = await gather(world)
    guardian = await world.person(role="guardian")
    await sharing.restrict_sections(world, await world.guardian(guardian, cast.learner), ["access"])
    assert refusal(await (await world.client_for(guardian)).get(of(cast))) == (404, "not_found")
