"""Switches the application's own predicates off, so that what hides rows is row-level security alone."""

import functools
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import literal_column, true
from sqlalchemy.types import Uuid

from app.core import access
from app.core.pagination import Listing
from app.core.reads import View
from tests.factories import World


@pytest.fixture
def blind_to(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[World], None]]:
    """Switches the application's predicates off: every row is visible, and the tenant asked for is the world's."""

    def blind(world: World) -> None:
        theirs = literal_column(f"'{world.tenant.id}'::uuid", Uuid())
        predicates, ours = (access.visible, access.may_read), access.TENANT
        for module in application():
            for name, value in list(vars(module).items()):
                if any(value is predicate for predicate in predicates):
                    monkeypatch.setattr(module, name, lambda *_args, **_kwargs: true())
                elif value is ours:
                    monkeypatch.setattr(module, name, theirs)
        forget_statements()

    yield blind
    monkeypatch.undo()
    forget_statements()


def application() -> list[Any]:
    return [module for name, module in sys.modules.items() if name.startswith("app.")]


def forget_statements() -> None:
    """Compiled statements hold the predicates of before."""
    cached = functools.lru_cache(maxsize=None)(lambda: None).__class__
    for module in application():
        for value in vars(module).values():
            statement = value.statement if isinstance(value, View | Listing) else value
            if isinstance(statement, cached):
                statement.cache_clear()
