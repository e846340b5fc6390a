"""The files that put the service into production, held to the compose schema and to the service's own settings."""

import json
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from app.settings import Settings

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
OTHER_READERS = {"FORWARDED_ALLOW_IPS"}  # read by uvicorn itself


def _validator() -> Draft202012Validator:
    schema = resources.files("check_jsonschema") / "builtin_schemas/vendor/compose-spec.json"
    return Draft202012Validator(json.loads(schema.read_text()))


def _image_command() -> list[str]:
    (line,) = re.findall(r"^CMD (\[.+\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    command: list[str] = json.loads(line)
    return command


def _secrets() -> dict[str, str]:
    """Each interpolated name of the compose file and what follows it: `:?message` or `:-default`."""
    return dict(re.findall(r"\$\{([A-Z_]+)([^}]*)\}", (ROOT / "docker-compose.yml").read_text()))


def test_the_compose_file_keeps_to_the_published_schema() -> None:
    problems = [f"{error.json_path}: {error.message}" for error in _validator().iter_errors(COMPOSE)]
    assert problems == []


def test_the_published_schema_refuses_a_misspelt_key() -> None:
    misspelt = COMPOSE | {"services": {"api": SERVICES["api"] | {"depend_on": []}}}
    assert not _validator().is_valid(misspelt)


def test_the_services_are_those_of_the_design() -> None:
    assert set(SERVICES) == {"api", "migrate", "nginx", "postgres", "worker"}
    assert SERVICES["api"]["deploy"]["replicas"] == 2
    assert not {"container_name", "ports"} & SERVICES["api"].keys()
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["nginx"]


def test_nothing_serves_before_the_migrations_are_done() -> None:
    for name in ("api", "worker"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert SERVICES["migrate"]["depends_on"]["postgres"] == {"condition": "service_healthy"}


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_command_that_exists(name: str) -> None:
    program, *arguments = SERVICES[name].get("command", _image_command())
    assert program == "plp"
    run = [sys.executable, "-c", "from app.cli import main; main()", *arguments, "--help"]
    result = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_told_only_what_the_settings_know(name: str) -> None:
    told = {variable.lower() for variable in SERVICES[name]["environment"].keys() - OTHER_READERS}
    required = {field for field, info in Settings.model_fields.items() if info.is_required()}
    assert required <= told <= Settings.model_fields.keys()


@pytest.mark.parametrize(
    ("variable", "holder", "role"),
    [("MIGRATION_DATABASE_URL", "migrate", "plp_owner"), ("SYSTEM_DATABASE_URL", "worker", "plp_system")],
)
def test_a_powerful_role_is_handed_to_one_service_only(variable: str, holder: str, role: str) -> None:
    assert [name for name in OURS if variable in SERVICES[name]["environment"]] == [holder]
    assert SERVICES[holder]["environment"][variable].startswith(f"postgresql://{role}:")


def test_no_secret_has_a_default() -> None:
    secrets = {name: rest for name, rest in _secrets().items() if name.endswith(("_PASSWORD", "_KEY"))}
    assert len(secrets) == 5
    assert all(rest.startswith(":?") for rest in secrets.values())


def test_nginx_lets_a_body_through_that_the_service_has_to_refuse() -> None:
    (megabytes,) = re.findall(r"client_max_body_size (\d+)m;", (ROOT / "docker/nginx.conf").read_text())
    limit: int = Settings.model_fields["body_limit"].default
    assert limit < int(megabytes) << 20 <= 4 * limit


def test_the_image_does_not_run_as_root() -> None:
    users = re.findall(r"^USER (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert len(users) == 1
    assert int(users[0]) > 0


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock", "requirements-build.lock"])
def test_a_lock_names_no_address_and_hashes_every_requirement(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "://" not in text
    lines = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ").splitlines()
    assert len(lines) > 5
    hashed = re.compile(r"[a-z0-9-]+==[0-9.]+ (; [^\\#]+?)?( +--hash=sha256:[0-9a-f]{64})+")
    assert [line for line in lines if not hashed.fullmatch(line)] == []


def test_the_lock_of_the_contract_tools_names_no_registry() -> None:
    packages = json.loads((ROOT / "contract/package-lock.json").read_text())["packages"]
    installed = [package for path, package in packages.items() if path]
    assert all("integrity" in package and "resolved" not in package for package in installed)
