"""What is shipped fits together: lock, Docker image, compose file, CI, settings as documented."""

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from transit_assets.cli import app
from transit_assets.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
BIN = Path(sys.executable).parent
COMMANDS = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}


def pins() -> dict[str, list[str]]:
    """Package name to its pinned versions (several where they differ by Python version)."""
    found: dict[str, list[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)(?:\[.*?\])?==([^\s;]+)", lock(), re.MULTILINE):
        found.setdefault(canonicalize_name(name), []).append(version)
    return found


def lock() -> str:
    return (ROOT / "requirements.lock").read_text()


@pytest.mark.parametrize("line", [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]])
def test_the_lock_fits_every_requirement(line: str) -> None:
    requirement = Requirement(line)
    versions = pins().get(canonicalize_name(requirement.name), [])
    assert versions, f"{requirement.name} is not in requirements.lock: run `make lock`"
    assert all(requirement.specifier.contains(Version(version), prereleases=True) for version in versions)


def test_the_lock_names_no_index_and_no_machine() -> None:
    assert not re.search(r"://|--index|--find-links|@ file|/home/|/root/", lock())


def test_every_pin_has_a_hash() -> None:
    unhashed = [block for block in re.split(r"\n(?=\S)", lock()) if "==" in block and "--hash=sha256:" not in block]
    assert unhashed == []


# Docker --------------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile as (instruction, arguments), continuation lines joined, comments dropped."""
    text = "\n".join(line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#"))
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in lines if line.strip()]


def test_hadolint_finds_nothing() -> None:
    done = subprocess.run([BIN / "hadolint", "Dockerfile"], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_stage_starts_from_one_pinned_python_that_the_project_supports() -> None:
    bases = {arguments.split()[0] for name, arguments in instructions() if name == "FROM"}
    assert len(bases) == 1
    version = re.fullmatch(r"python:(\d+\.\d+\.\d+)-slim-\w+", bases.pop())
    assert version
    assert Requirement(f"python{PROJECT['requires-python']}").specifier.contains(version[1])


def test_the_image_copies_only_what_is_there_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    for name, arguments in instructions():
        words = [word for word in shlex.split(arguments) if not word.startswith("--")]
        if name == "COPY" and "--from" not in arguments:
            for source in words[:-1]:
                assert (ROOT / source).exists(), f"COPY {source}"
                assert f"!{source}" in ignored, f".dockerignore keeps {source} out"


def test_nothing_the_build_needs_is_missing_from_the_image() -> None:
    copied = {
        word
        for name, arguments in instructions()
        if name == "COPY" and "--from" not in arguments
        for word in arguments.split()[:-1]
    }
    assert {"pyproject.toml", "README.md", "LICENSE", "transit_assets", "dbt_project"} <= copied


def test_the_image_runs_as_somebody_else_than_root() -> None:
    users = [arguments for name, arguments in instructions() if name == "USER"]
    assert users
    assert users[-1] not in {"root", "0"}


def test_secrets_and_data_never_enter_the_build() -> None:
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert "*" in ignored
    assert "!data" not in ignored
    assert not any(line.startswith("!.env") for line in ignored)


def json_instruction(wanted: str) -> list[str]:
    (found,) = [arguments for name, arguments in instructions() if name == wanted]
    return json.loads(found[found.index("[") :])


def test_the_image_runs_commands_that_exist() -> None:
    entrypoint, command = json_instruction("ENTRYPOINT"), json_instruction("CMD")
    healthcheck = json_instruction("HEALTHCHECK")
    assert entrypoint == ["transit"]
    assert command[0] in COMMANDS
    assert healthcheck[:2] == ["transit", "status"]


def test_the_health_check_passes_on_an_empty_lake_and_fails_without_one(tmp_path: Path) -> None:
    command = [str(BIN / "transit"), *json_instruction("HEALTHCHECK")[1:]]
    (tmp_path / "file").touch()
    for lake, code in ((tmp_path / "lake", 0), (tmp_path / "file" / "lake", 2)):
        done = subprocess.run(command, env=os.environ | {"TRANSIT_LAKE": str(lake)}, capture_output=True)
        assert done.returncode == code


def test_the_image_installs_the_uv_of_the_lock() -> None:
    (expression,) = {match for _, arguments in instructions() for match in re.findall(r"sed -n '(.*?)'", arguments)}
    done = subprocess.run(["sed", "-n", expression, ROOT / "requirements.lock"], capture_output=True, text=True)
    assert done.stdout.strip() == f"uv=={pins()['uv'][0]}"


# Compose, CI ---------------------------------------------------------------------------------------


def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yaml").read_text())


def test_every_process_of_the_compose_file_is_a_command_of_the_one_image() -> None:
    own = {name: service for name, service in compose()["services"].items() if service["image"] == "transit-assets"}
    assert set(own) == {"webserver", "daemon", "poller"}
    for service in own.values():
        assert service["command"][0] in COMMANDS


def test_every_process_keeps_its_host_name_so_that_its_killed_runs_are_recognised() -> None:
    own = [service for service in compose()["services"].values() if service["image"] == "transit-assets"]
    assert len({service["hostname"] for service in own}) == len(own)


def test_the_image_holds_the_manifest_so_that_its_root_may_be_read_only() -> None:
    steps = [arguments for name, arguments in instructions() if name == "RUN"]
    assert any("manifest_path()" in step for step in steps)
    assert all(s["read_only"] for s in compose()["services"].values() if s["image"] == "transit-assets")


def test_the_compose_file_opens_ports_on_this_host_only() -> None:
    ports = [port for service in compose()["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_compose_file_sets_only_settings_that_exist() -> None:
    names = set(re.findall(r"\bTRANSIT_\w+", (ROOT / "docker-compose.yaml").read_text()))
    assert names <= {f"TRANSIT_{name.upper()}" for name in Settings.model_fields}


def test_the_ci_script_is_executable_and_is_what_the_workflow_runs() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yaml").read_text())
    assert any(step.get("run") == ".ci/run" for step in workflow["jobs"]["test"]["steps"])


@pytest.mark.parametrize("target", ["demo", "test", "ui", "docs", "bench", "bench-full", "lint", "lock", "clean"])
def test_make_knows_its_targets(target: str) -> None:
    done = subprocess.run(["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_make_says_clearly_that_a_python_is_too_old(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n')
    old.chmod(0o755)
    done = subprocess.run(
        ["make", "install", f"PYTHON={old}", f"VENV={tmp_path}/venv"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "needs Python 3.11, 3.12 or 3.13" in done.stderr
    assert "Python 3.9.2" in done.stderr


def test_make_names_the_library_of_the_system_that_is_missing(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    python = tmp_path / "python3"
    python.write_text(f"""#!/bin/sh
case "$*" in
    *lightgbm*) echo 'OSError: libgomp.so.1' >&2; exit 1;;
    *"-m venv"*) mkdir -p {venv}/bin && cp "$0" {venv}/bin/python && cp "$0" {venv}/bin/uv;;
esac
""")
    python.chmod(0o755)
    done = subprocess.run(
        ["make", "install", f"PYTHON={python}", f"VENV={venv}"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "libgomp1" in done.stderr.splitlines()[0]
    assert "brew install libomp" in done.stderr.splitlines()[0]


def test_the_image_brings_the_openmp_that_lightgbm_needs() -> None:
    last_stage = [name for name, _ in instructions()][::-1].index("FROM")
    assert any("libgomp1" in arguments for name, arguments in instructions()[-last_stage:] if name == "RUN")


# Settings ------------------------------------------------------------------------------------------


def test_the_example_environment_names_every_setting_and_no_other() -> None:
    named = re.findall(r"^#?(TRANSIT_\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(f"TRANSIT_{name.upper()}" for name in Settings.model_fields)


def test_the_values_of_the_example_environment_are_the_defaults() -> None:
    lines = re.findall(r"^#?TRANSIT_(\w+)=(.+)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    example = {name.lower(): value for name, value in lines if name not in {"LAKE", "NOW"}}
    default = Settings(_env_file=None)
    assert Settings(_env_file=None, **example).model_dump() == default.model_dump()


# Documents -----------------------------------------------------------------------------------------

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "data" / "README.md"])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_only_settings_and_commands_that_exist(page: Path) -> None:
    text = page.read_text()
    settings = {f"TRANSIT_{name.upper()}" for name in Settings.model_fields} | {"TRANSIT_RECORDINGS"}
    assert set(re.findall(r"\bTRANSIT_[A-Z_]*[A-Z]\b", text)) <= settings
    groups = {str(group.name) for group in app.registered_groups}
    named = set(re.findall(r"(?:`|bin/|^)transit ([a-z]+)", text, re.MULTILINE))
    assert named <= COMMANDS | groups


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_link_leads_somewhere(page: Path) -> None:
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)]+)\)", page.read_text())]
    assert [link for link in links if link and "://" not in link and not (page.parent / link).exists()] == []
