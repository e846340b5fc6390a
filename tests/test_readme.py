"""The README's tour, run as it stands against a demo of its own."""

import re
import select
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PRINTED_ADDRESS = "http://127.0.0.1:8000"
START_SECONDS = 120


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running `plp demo`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-c", "from app.cli import main; main()", "demo", "--port", str(port)]
    command += ["--data-dir", str(folder / "data")]
    with (folder / "log").open("w") as log, subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log) as process:
        try:
            wait_until_alive(f"http://127.0.0.1:{port}/livez", process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)
    from app.db import embedded

    embedded.start(folder / "data" / "postgres").destroy()


def wait_until_alive(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the demo ended"
        try:
            with urllib.request.urlopen(address, timeout=1):
                return
        except OSError:
            select.select([], [], [], 0.1)
    pytest.fail("the demo did not start")


def tour() -> str:
    readme = (ROOT / "README.md").read_text()
    return "\n".join(re.findall(r"```bash\n(.*?)```", readme, re.DOTALL))


def test_the_tour_runs_as_printed(demo: str) -> None:
    for tool in ("bash", "curl", "python3"):
        if shutil.which(tool) is None:
            pytest.skip(f"the tour needs {tool}")
    script = "set -euo pipefail\n" + tour().replace(PRINTED_ADDRESS, demo)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    said = done.stdout
    for line in ("agreed", "0.5", "in_review", "active", "not_found"):
        assert f"{line}\n" in said, said


def test_every_make_target_and_command_the_readme_names_exists() -> None:
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"make (\w+)", readme)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for link in re.findall(r"\]\(((?!http)[^)#]+)", readme):
        assert (ROOT / link).exists(), link
