"""What is generated from the settings is current, and the examples are configurations."""

import json
from pathlib import Path

import pytest
from pydantic import BaseModel

from replicator.config import Settings, installed, load, reference
from replicator.config.limits import Limits
from replicator.config.settings import End

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "config/examples").glob("*.yaml"))


@pytest.mark.parametrize("path", [reference.SCHEMA_PATH, reference.PAGE_PATH], ids=str)
def test_generated_files_are_current(path: Path):
    """The file is what ``python -m replicator.config.reference`` writes."""
    assert (ROOT / path).read_text() == reference.documents(reference.own_connectors())[path]


def test_the_check_tells_what_is_stale(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """Without the files the check fails and names them; writing them mends it."""
    monkeypatch.chdir(tmp_path)
    assert reference.main(["--check"]) == 1
    assert str(reference.SCHEMA_PATH) in capsys.readouterr().err
    assert reference.main([]) == 0
    assert reference.main(["--check"]) == 0


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_configuration(path: Path, monkeypatch: pytest.MonkeyPatch):
    """It loads with the installed connectors and the variables that it names."""
    monkeypatch.setenv("COSMOS_ENDPOINT", "https://127.0.0.1:8081/")
    monkeypatch.setenv("COSMOS_KEY", "c2VjcmV0")
    settings = load(path, {"REPLICATOR_TOKEN": "secret"})
    assert settings.pipelines
    assert path.read_text().startswith("# yaml-language-server: $schema=../replicator.schema.json\n")


def test_there_are_examples():
    """One for each way to begin."""
    assert {path.stem for path in EXAMPLES} >= {
        "rehearsal",
        "dynamodb-to-cosmos-local",
        "dynamodb-to-cosmos",
        "application",
        "queues-to-service-bus",
    }


def sections(model: type[BaseModel]):
    """The section and all below it."""
    yield model
    for field in model.model_fields.values():
        inner = field.annotation
        for part in (inner, *getattr(inner, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel) and part is not BaseModel:
                yield from sections(part)


def test_every_setting_is_described():
    """Each has a sentence, and each section is frozen and refuses what it does not know."""
    for section in {*sections(Settings), Limits, End}:
        assert section.__doc__
        assert section.model_config["frozen"] is True
        assert section.model_config["extra"] == "forbid"
        for name, field in section.model_fields.items():
            assert (field.description or "").rstrip().endswith("."), f"{section.__name__}.{name}"


def test_every_number_has_a_bound():
    """Nothing that counts or measures may be just anything."""
    definitions = reference.schema(dict(installed()))["$defs"]
    bounds = {"minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"}
    loose = [
        f"{section}.{name}"
        for section, content in definitions.items()
        for name, setting in content.get("properties", {}).items()
        if setting.get("type") in ("integer", "number") and not bounds & set(setting)
    ]
    assert loose == []


def test_the_schema_knows_every_connector():
    """Each side of a pipeline is one of the connectors that offer it, told by its name."""
    schema = json.loads((ROOT / reference.SCHEMA_PATH).read_text())
    pipeline = schema["$defs"]["PipelineSettings"]["properties"]
    sinks = {choice["$ref"].rpartition("/")[2] for choice in pipeline["sink"]["oneOf"]}
    assert sinks == {"blob_sink", "cosmos_sink", "memory_sink", "servicebus_sink"}
    assert schema["$defs"]["cosmos_sink"]["properties"]["connector"]["const"] == "cosmos"
    assert "title" not in schema["$defs"]["Api"]["properties"]["port"]
