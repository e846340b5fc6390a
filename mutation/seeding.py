"""Seeds one fault in this process, a fork of the run: in the database, in functions that are there, or by importing
the application anew."""

import asyncio
import dataclasses
import inspect
import sys
from collections.abc import Iterator, Sequence
from enum import Enum
from importlib import import_module
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import asyncpg

from mutation.mutants import TABLE, VIEWS, WORKFLOW, Mutant

OURS = ("app", "migrations", "tests")


def seed_view(owner: str, statement: str) -> None:
    """Make the view anew in a database."""

    async def run() -> None:
        connection = await asyncpg.connect(owner)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def seed_in_place(mutant: Mutant) -> None:
    """Give the functions of the imported module their faulty code, its workflows their faulty rules, its table a cell.

    Whoever has imported them has them. What was computed from them at import stays; see `has_place`.
    """
    module = sys.modules[mutant.module]
    if mutant.kind == TABLE:
        exec(mutant.statement, vars(module))
        return
    faulty = dict(vars(module))
    exec(compile(mutant.source, str(module.__file__), "exec"), faulty)
    for name, old in vars(module).items():
        if _is_record(old):
            for field in dataclasses.fields(old):
                object.__setattr__(old, field.name, getattr(faulty[name], field.name))
        elif getattr(old, "__module__", "") == mutant.module:
            replacements = dict(_functions(faulty[name]))
            for place, function in _functions(old):
                function.__code__ = replacements[place].__code__
                if _is_function(old):
                    function.__defaults__ = replacements[place].__defaults__


def has_place(mutant: Mutant) -> bool:
    """Whether the fault can be seeded in place: a view, a cell, something in a function or in a workflow."""
    outermost = getattr(import_module(mutant.module), mutant.within.partition(".")[0], None)
    return mutant.kind in (TABLE, WORKFLOW, VIEWS) or _is_function(outermost) or any(_functions(outermost))


def _functions(thing: Any) -> Iterator[tuple[str, FunctionType]]:
    """The function that it is, below its cache; or those of a class that has only them."""
    if _is_function(thing):
        yield "", inspect.unwrap(thing)
    elif isinstance(thing, type) and not issubclass(thing, Enum):
        for name, member in vars(thing).items():
            function = getattr(member, "__func__", member)
            if isinstance(function, FunctionType) and function.__code__.co_filename == inspect.getsourcefile(thing):
                yield name, function


def _is_function(thing: Any) -> bool:
    return not isinstance(thing, type) and isinstance(inspect.unwrap(thing) if callable(thing) else None, FunctionType)


def _is_record(thing: Any) -> bool:
    return dataclasses.is_dataclass(thing) and not isinstance(thing, type)


def seed_anew(mutant: Mutant | None) -> None:
    """Forget the application; its next import reads the faulty module, if there is one."""
    for name in list(sys.modules):
        if name.partition(".")[0] in OURS:
            del sys.modules[name]
    if mutant:
        sys.meta_path.insert(0, _Faulty(mutant))


class _Faulty(SourceFileLoader):
    """Finds one module, and loads it from other source than is in its file."""

    def __init__(self, mutant: Mutant) -> None:
        super().__init__(mutant.module, str(Path(mutant.path).resolve()))
        self._source = mutant.source

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.path, "exec")

    def invalidate_caches(self) -> None:
        """Part of what a finder has."""
