"""Work done in forks of this process, a few at a time; each answers with a list of words."""

import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

Job = TypeVar("Job")
Work = Callable[[], list[str]]


@dataclass(frozen=True)
class Done(Generic[Job]):
    job: Job
    words: list[str]
    """What the fork answers; empty if it found nothing."""
    seconds: float


def run(work: Work, directory: Path, patience: float) -> list[str]:
    """Do one piece of work in a fork."""
    return next(run_all(iter([(None, work)]), 1, directory, patience)).words


def run_all(jobs: Iterator[tuple[Job, Work]], count: int, directory: Path, patience: float) -> Iterator[Done[Job]]:
    """Do each job in a fork, `count` at once. One that takes too long has found something: it never ends."""
    running: dict[int, tuple[Job, Path, float]] = {}
    try:
        yield from _answers(jobs, count, directory, patience, running)
    finally:
        for process in running:
            _end(process)


def _answers(
    jobs: Iterator[tuple[Job, Work]],
    count: int,
    directory: Path,
    patience: float,
    running: dict[int, tuple[Job, Path, float]],
) -> Iterator[Done[Job]]:
    while True:
        while len(running) < count and (job := next(jobs, None)):
            answer = directory / f"{time.monotonic_ns()}"
            running[_fork(job[1], answer)] = job[0], answer, time.monotonic()
        if not running:
            return
        for process, (what, answer, began) in list(running.items()):
            seconds = time.monotonic() - began
            if os.waitpid(process, os.WNOHANG)[0]:
                if not answer.exists():
                    raise RuntimeError(f"No answer about {what}; MUTATION_OUTPUT may name a file to read why.")
                words = json.loads(answer.read_text())
            elif seconds > patience:
                _end(process)
                words = ["it did not end"]
            else:
                continue
            del running[process]
            answer.unlink(missing_ok=True)
            yield Done(what, words, seconds)
        time.sleep(0.02)


def _end(process: int) -> None:
    os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)


def _fork(work: Work, answer: Path) -> int:
    process = os.fork()
    if process:
        os.setpgid(process, process)  # here, too: who is first does not matter
        return process
    os.setpgid(0, 0)
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        silence = os.open(os.environ.get("MUTATION_OUTPUT", os.devnull), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        answer.write_text(json.dumps(work()))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)
