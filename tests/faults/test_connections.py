"""What clients do to a connection, over a real socket."""

import asyncio

import pytest

from tests.faults.conftest import People
from tests.faults.harness import Service, eventually

pytestmark = pytest.mark.anyio

COUNTED = 'plp_requests_total{method="POST",route="/v1/auth/sessions",status="4xx"} 1.0'


async def test_a_connection_serves_on_after_a_head(service: Service, people: People) -> None:
    async with service.client(people.learner_token) as client:
        for _ in range(3):
            head = await client.head(f"/v1/plans/{people.plan_id}")
            whole = await client.get(f"/v1/plans/{people.plan_id}")
            assert (head.status_code, head.content, whole.status_code) == (200, b"", 200)
            assert head.headers["content-length"] == str(len(whole.content))
    assert "Traceback" not in service.log.read_text()


async def test_a_client_that_leaves_in_the_middle_of_a_body_is_no_failure_of_ours(service: Service) -> None:
    port = int(service.settings.public_url.rpartition(":")[2])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /v1/auth/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    )
    await writer.drain()
    writer.close()

    async with service.client() as client:

        async def is_counted() -> bool:
            return COUNTED in (await client.get("/metrics")).text

        await eventually(is_counted)
    assert "request_failed" not in service.log.read_text()
