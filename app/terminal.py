"""What every command says to the operator: settings and databases that are not right, in a line without a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import typer
from pydantic import ValidationError
from rich.console import Console

from app.db.complaints import complaint
from app.settings import Settings

console = Console()
complaints = Console(stderr=True)


def fail(message: str) -> NoReturn:
    """Say what is wrong and end."""
    complaints.print(message, style="red", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(1)


def read_settings() -> Settings:
    """The settings of the environment."""
    try:
        return Settings()
    except ValidationError as error:
        # The input stays out of the message: it may be a secret.
        said = ((str(found["loc"][0]).upper(), found["msg"].removeprefix("Value error, ")) for found in error.errors())
        fail("\n".join(f"{name}: {message}" for name, message in said))


@contextmanager
def database_complaints() -> Iterator[None]:
    """End with one line where the database is not as it must be."""
    try:
        yield
    except Exception as error:
        message = complaint(error)
        if message is None:
            raise
        fail(message)
