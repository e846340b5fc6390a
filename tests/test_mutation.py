"""The faults that `make mutation` seeds are faults of the code as it is."""

import ast
from pathlib import Path

import pytest

from mutation.__main__ import all_mutants
from mutation.equivalents import EQUIVALENTS, Equivalent
from mutation.mutants import KINDS, Mutant

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def mutants() -> list[Mutant]:
    return list(all_mutants(ROOT))


@pytest.mark.parametrize("kind", KINDS)
def test_there_are_faults_of_every_kind(mutants: list[Mutant], kind: str) -> None:
    assert len([mutant for mutant in mutants if mutant.kind == kind]) > 100


def test_every_fault_changes_its_module_and_leaves_it_python(mutants: list[Mutant]) -> None:
    originals = {mutant.path: (ROOT / mutant.path).read_text() for mutant in mutants}
    for mutant in mutants:
        assert mutant.source != originals[mutant.path], mutant
        ast.parse(mutant.source)


@pytest.mark.parametrize("equivalent", EQUIVALENTS)
def test_what_is_said_to_be_no_fault_is_there(mutants: list[Mutant], equivalent: Equivalent) -> None:
    assert any(equivalent.matches(mutant) for mutant in mutants)
