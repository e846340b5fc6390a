"""A student and her teacher make a plan, end to end: the README's story at the level of the API."""

import httpx
import pytest

from tests.factories import SCHOOL_YEAR, World

pytestmark = pytest.mark.anyio


async def ok(reply: httpx.Response, status: int = 200) -> dict[str, object]:
    assert reply.status_code == status, reply.text
    body: dict[str, object] = reply.json()
    return body


async def test_a_learner_and_her_teacher_make_a_plan_and_the_counselor_approves_it(world: World) -> None:
    learner = await world.learner()
    teacher, counselor = await world.teacher_of(learner), await world.staff_of(learner, "counselor")
    competency = await world.competency(await world.framework(), "Solves linear equations")
    as_learner, as_teacher, as_counselor = [await world.client_for(p) for p in (learner, teacher, counselor)]

    mine = await ok(await as_teacher.get("/v1/me/learners"))
    assert [item["id"] for item in mine["items"]] == [str(learner.id)]  # type: ignore[attr-defined]

    made = await as_learner.post(
        "/v1/plans", json={"learner_id": str(learner.id), "school_year": SCHOOL_YEAR, "title": "My plan"}
    )
    plan = await ok(made, 201)
    plan_url = made.headers["location"]
    assert plan["available_actions"] == ["edit", "add_goal", "comment", "reflect", "reflect_privately", "share"]

    proposed = await as_learner.post(
        f"{plan_url}/goals",
        json={
            "title": "Equations",
            "category": "academic",
            "metric_kind": "percent",
            "baseline": "50",
            "target": "90",
            "competency_ids": [str(competency.id)],
            "teacher_ids": [str(teacher.id)],
        },
    )
    goal = await ok(proposed, 201)
    goal_url = proposed.headers["location"]
    assert goal["status"] == "proposed"
    early = await as_learner.post(f"{goal_url}/progress", json={"value": "60"})
    assert (early.status_code, early.json()["code"]) == (409, "wrong_status")

    seen = await as_teacher.get(goal_url)
    agreed = await ok(
        await as_teacher.post(
            f"{goal_url}/transitions", json={"action": "agree"}, headers={"If-Match": seen.headers["etag"]}
        )
    )
    assert agreed["status"] == "agreed"
    await ok(await as_learner.post(f"{goal_url}/progress", json={"value": "60", "note": "quiz"}), 201)

    read = await as_learner.get(f"{plan_url}?expand=goals,goals.actions,goals.competencies")
    shown = (await ok(read))["goals"][0]  # type: ignore[index]
    assert (shown["current_value"], shown["progress"]) == ("60", "0.25")
    assert shown["competencies"][0]["id"] == str(competency.id)

    submitted = await as_learner.post(
        f"{plan_url}/transitions", json={"action": "submit"}, headers={"If-Match": read.headers["etag"]}
    )
    assert (await ok(submitted))["status"] == "in_review"
    refused = await as_teacher.post(
        f"{plan_url}/transitions", json={"action": "approve"}, headers={"If-Match": submitted.headers["etag"]}
    )
    assert (refused.status_code, refused.json()["permission"]) == (403, "plans:review")
    approved = await as_counselor.post(
        f"{plan_url}/transitions", json={"action": "approve"}, headers={"If-Match": submitted.headers["etag"]}
    )
    assert (await ok(approved))["status"] == "active"

    history = await ok(await as_learner.get(f"{plan_url}/events?sort=at"))
    assert [event["action"] for event in history["items"]] == [  # type: ignore[attr-defined]
        "create",
        "create",
        "agree",
        "create",
        "submit",
        "approve",
    ]
    plans = await ok(await as_teacher.get("/v1/plans?expand=available_actions&count=true"))
    assert plans["total"] == 1
