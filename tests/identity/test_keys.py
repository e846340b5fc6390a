"""Signing keys: published ahead, rotated without a gap, looked up sparingly."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import event, func, select, update

from app.core.runtime import Runtime
from app.core.security import TokenVerifier, UnknownKey
from app.db.base import new_id
from app.identity import keys
from app.identity.keys import SigningKeys, ensure_keys, published, rotate_keys
from app.identity.models import SigningKey
from tests.factories import World

pytestmark = pytest.mark.anyio


def fresh(runtime: Runtime) -> SigningKeys:
    """What another process knows."""
    return SigningKeys(runtime.engine, runtime.keyring, runtime.settings.issuer)


async def issued(known: SigningKeys) -> str:
    signer = await known.signer()
    return signer.issue(tenant_id=new_id(), subject=new_id(), session_id=new_id(), now=datetime.now(UTC).timestamp())


@contextmanager
def statements_of(runtime: Runtime) -> Iterator[list[int]]:
    """Grows with every statement that the block sends."""
    asked: list[int] = []

    def note(*_arguments: object) -> None:
        asked.append(1)

    event.listen(runtime.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(runtime.engine.sync_engine, "before_cursor_execute", note)


async def rotate(runtime: Runtime) -> str:
    async with runtime.sessions() as session, session.begin():
        return await rotate_keys(session, runtime.keyring)


async def test_the_published_keys_hold_the_next_one_and_no_secret(client: httpx.AsyncClient, runtime: Runtime) -> None:
    reply = await client.get("/.well-known/jwks.json")
    assert reply.status_code == 200
    assert reply.headers["cache-control"] == "public, max-age=60"
    found = reply.json()["keys"]
    assert len(found) >= 2
    assert all(set(jwk) == {"kty", "crv", "x", "y", "kid", "use", "alg"} for jwk in found)
    again = await client.get("/.well-known/jwks.json", headers={"If-None-Match": reply.headers["etag"]})
    assert again.status_code == 304


async def test_rotation_leaves_no_gap(runtime: Runtime, world: World) -> None:
    """In another process nothing is known yet of what happens here."""
    elsewhere = fresh(runtime)
    known = await elsewhere.public_keys(refresh=False)
    old_token = await issued(fresh(runtime))
    kid = await rotate(runtime)
    assert kid in known, "the next key was published before it signed"
    new_token = await issued(fresh(runtime))
    verifier = TokenVerifier(runtime.settings.issuer, runtime.settings.issuer)
    now = datetime.now(UTC).timestamp()
    for token in (old_token, new_token):
        verifier.verify(token, known, now)
        verifier.verify(token, await fresh(runtime).public_keys(refresh=False), now)
    async with await world.client_for(await world.person()) as client:
        assert (await client.get("/v1/me")).status_code == 200


async def test_a_retired_key_is_withdrawn_when_its_last_token_has_expired(runtime: Runtime) -> None:
    token = await issued(fresh(runtime))
    await rotate(runtime)
    async with runtime.sessions() as session, session.begin():
        old = (await session.scalars(select(SigningKey).order_by(SigningKey.retired_at.desc().nulls_last()))).first()
        assert old is not None
        assert old.retired_at is not None
        assert old.retired_at > datetime.now(UTC) + keys.RETIREMENT / 2
        await session.execute(update(SigningKey).where(SigningKey.kid == old.kid).values(retired_at=datetime.now(UTC)))
    async with runtime.sessions() as session:
        assert old.kid not in {jwk["kid"] for jwk in await published(session)}
    verifier = TokenVerifier(runtime.settings.issuer, runtime.settings.issuer)
    with pytest.raises(UnknownKey):
        verifier.verify(token, await fresh(runtime).public_keys(refresh=False), datetime.now(UTC).timestamp())


async def test_making_sure_of_keys_twice_makes_no_more(runtime: Runtime) -> None:
    async with runtime.sessions() as session, session.begin():
        before = await published(session)
        await ensure_keys(session, runtime.keyring)
        assert await published(session) == before


async def test_tokens_with_unknown_keys_do_not_hammer_the_database(runtime: Runtime) -> None:
    known = fresh(runtime)
    await known.public_keys(refresh=False)
    with statements_of(runtime) as asked:
        for _ in range(20):
            await known.public_keys(refresh=True)
    assert not asked


async def test_reading_the_published_keys_asks_the_database_once(runtime: Runtime) -> None:
    known = fresh(runtime)
    first = await known.jwks()
    with statements_of(runtime) as asked:
        assert [await known.jwks() for _ in range(20)] == [first] * 20
    assert not asked
    async with runtime.sessions() as session:
        assert list(first) == await published(session)


async def test_a_key_withdrawn_at_once_ends_remembered_tokens_too(
    runtime: Runtime, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = fresh(runtime)
    monkeypatch.setattr(runtime, "keys", known)
    async with await world.client_for(await world.person()) as client:
        assert (await client.get("/v1/me")).status_code == 200
        await rotate(runtime)
        async with runtime.sessions() as session, session.begin():
            await session.execute(
                update(SigningKey).where(SigningKey.retired_at > func.now()).values(retired_at=func.now())
            )
        assert (await client.get("/v1/me")).status_code == 200, "not looked for yet"
        monkeypatch.setattr(known, "_public_until", 0.0)
        assert (await client.get("/v1/me")).status_code == 401
    assert keys.PUBLIC_KEYS_KEPT_SECONDS <= 60


async def test_while_the_keys_are_looked_up_again_others_go_on_with_the_old_ones(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = fresh(runtime)
    before = await known.public_keys(refresh=False)

    async def no_answer(_session: object) -> None:
        assert await known.public_keys(refresh=False) is before
        raise TimeoutError

    monkeypatch.setattr(keys, "published", no_answer)
    monkeypatch.setattr(known, "_public_until", 0.0)
    with pytest.raises(TimeoutError):
        await known.public_keys(refresh=False)
    assert await known.public_keys(refresh=False) is before, "and after a failure it is tried again later"


async def test_private_keys_are_sealed(runtime: Runtime) -> None:
    async with runtime.sessions() as session:
        found = (await session.scalars(select(SigningKey))).all()
    assert found
    assert not any(b"PRIVATE" in key.private_sealed for key in found)
