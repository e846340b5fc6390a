"""What `plp demo` shows: progress while it loads, then how to sign in."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from app.demo.accounts import sign_ins
from app.demo.prepare import Advance, Choice
from app.demo.world import World


@contextmanager
def loading(console: Console, choice: Choice) -> Iterator[Advance]:
    """Progress bars, one for each tenant."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        tasks = {world.slug: progress.add_task(world.name, total=world.count) for world in choice.worlds}

        def advance(world: World, learners: int) -> None:
            progress.advance(tasks[world.slug], learners)

        yield advance


def show(console: Console, base_url: str, demo_json: Path, choice: Choice) -> None:
    """The district's sign-ins and the addresses."""
    district, twin = choice.worlds
    columns = (Column(title, overflow="fold") for title in ("label", "sign-in name", "password"))
    table = Table(*columns, title=district.name, title_justify="left", box=None, padding=(0, 1, 0, 0))
    for person in sign_ins(district):
        table.add_row(person.label, person.identifier, person.password)
    console.print(table)
    console.print(f"The sign-ins of {twin.name}, its isolated twin, are in {demo_json}.", soft_wrap=True)
    console.print(f"Address: {base_url}", f"Docs:    {base_url}/docs", sep="\n", highlight=False, soft_wrap=True)
