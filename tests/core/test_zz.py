import time, asyncpg, pytest
from app.core.sequencer import NUMBER, number_events
from sqlalchemy import text
pytestmark = pytest.mark.anyio
async def test_x(world, database, another_world):
    su = await asyncpg.connect(database.superuser); sy= await asyncpg.connect(database.system)
    for each, count in ((world, 5010), (another_world, 3)):
        async with each.transaction() as session:
            t=time.time()
            await session.execute(text("INSERT INTO event (tenant_id, id, at, capacity, section, entity_type, entity_id, action, changes,"
                    " request_id) SELECT :tenant, gen_random_uuid(), timestamptz '2026-01-01' + n * interval '1 s',"
                    " 'system', 'plan', 'plan', gen_random_uuid(), 'create', '{}', n"
                    " FROM generate_series(1, :count) n"), {"tenant": each.tenant.id, "count": count})
        print("insert", time.time()-t)
    t=time.time()
    for r in await sy.fetch("explain analyze "+NUMBER.replace("$1","5000")): print(r[0])
    print(time.time()-t)
    await su.close(); await sy.close()
    assert 0
