"""The tours of the README and of docs/sharing.md, run as they stand against a demo of their own."""

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

from app.core.rules import RULES, Level, Relation, Section

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


def steps(document: str) -> list[str]:
    return re.findall(r"```bash\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)


def run(script: str, demo: str) -> str:
    """What the script prints, with the printed address replaced by the demo's."""
    for tool in ("bash", "curl", "python3"):
        if shutil.which(tool) is None:
            pytest.skip(f"the tour needs {tool}")
    script = "set -euo pipefail\n" + script.replace(PRINTED_ADDRESS, demo)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_tour_runs_as_printed(demo: str) -> None:
    said = run("\n".join(steps("README.md")), demo)
    assert_in_order(["agreed", "0.5", "in_review", "active", "not_found"], said)


def test_the_requests_of_the_page_on_sharing_run_as_printed(demo: str) -> None:
    helpers = steps("README.md")[0]
    said = run("\n".join([helpers, *steps("docs/sharing.md")]), demo)
    expected = ["comment", "grantee", "not_found", "revoked", "not_found", "passcode_required", "1"]
    assert_in_order([*expected, "True", "level_too_low", "no_relation", "share_link"], said)


def assert_in_order(expected: list[str], said: str) -> None:
    """Each stands at the end of a line; a body that curl printed may stand before it."""
    place = 0
    for line in expected:
        found = said.find(f"{line}\n", place)
        assert found >= 0, (line, said)
        place = found + len(line)


def test_the_page_on_sharing_has_the_rules_as_they_are() -> None:
    page = (ROOT / "docs" / "sharing.md").read_text()
    table = page.partition("<!-- rules: begin -->")[2].partition("<!-- rules: end -->")[0]
    assert table.strip() == rules_table(), rules_table()


def rules_table() -> str:
    """The default rules as the page shows them: a row for each relation, a column for each section."""
    sections = [section for section in Section if section not in (Section.LEARNER, Section.ACCOUNT)]
    rows = [["relation", *(f"`{section}`" for section in sections)], ["---"] * (len(sections) + 1)]
    for relation in Relation:
        levels = [RULES[section].get(relation, Level.NONE) for section in sections]
        if any(levels):
            rows.append([f"`{relation}`", *(level.name.lower() if level else "–" for level in levels)])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def test_every_make_target_and_command_the_readme_names_exists() -> None:
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"make (\w+)", readme)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for link in re.findall(r"\]\(((?!http)[^)#]+)", readme):
        assert (ROOT / link).exists(), link
