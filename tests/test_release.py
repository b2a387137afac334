"""What a release and a container are built from exists and is spelled as the project spells it."""

import json
import re
import tomllib
from importlib import import_module
from pathlib import Path

import typer
import yaml

import cli

ROOT = Path(__file__).parent.parent
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def options_of(name):
    app = typer.Typer()
    app.callback()(lambda: None)
    import_module(cli.COMMANDS[name][0]).register(app)
    return {
        option for each in typer.main.get_group(app).commands[name].params for option in each.opts
    }


def test_the_variables_of_the_composition_are_options_of_the_service():
    options = options_of("serve")
    variables = [name for name in COMPOSE["services"]["service"]["environment"] if "SERVE" in name]
    assert variables
    for name in variables:
        assert f"--{name.removeprefix('MMGCN_SERVE_').lower().replace('_', '-')}" in options


def test_the_composition_starts_the_database_before_the_service():
    services = COMPOSE["services"]
    assert services["service"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert "healthcheck" in services["database"]
    volumes = [v.split(":")[0] for each in services.values() for v in each["volumes"]]
    assert set(COMPOSE["volumes"]) == {name for name in volumes if not name.startswith("$")}


def test_secrets_of_the_composition_have_no_defaults():
    for service in COMPOSE["services"].values():
        for name, value in service["environment"].items():
            if "TOKEN" in name or "PASSWORD" in name:
                assert ":?" in value, name


def test_the_container_runs_a_command_with_options_that_exist():
    command = json.loads(re.findall(r"^CMD (.*)$", DOCKERFILE, re.MULTILINE)[-1])
    assert command[:2] == ["mmgcn", "serve"]
    assert {word for word in command if word.startswith("--")} <= options_of("serve")
    assert "USER mmgcn" in DOCKERFILE.partition('CMD ["mmgcn')[0]
    for name in re.findall(r"/source/([\w.-]+)", DOCKERFILE):
        assert (ROOT / name).is_file()


def test_the_development_container_installs_an_extra_that_exists():
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text(encoding="utf-8")
    (extra,) = re.findall(r"\[(\w+)\]", json.loads(text)["postCreateCommand"])
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert extra in project["optional-dependencies"]
