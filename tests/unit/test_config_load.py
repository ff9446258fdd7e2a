"""A configuration is read into the tree, or refused with every problem at its place."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from replicator.config import installed, load
from replicator.config.connectors import _Installed
from replicator.connector import Connector
from replicator.model.errors import ConfigError


class Table(BaseModel):
    """What the end used here can be told."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str = Field(description="Name of the table.")
    poll_seconds: float = Field(default=1, gt=0, description="Time between reads.")
    page_rows_max: int = Field(default=100, ge=1, description="Rows of a page.")
    key_file: Path | None = Field(default=None, description="File with the key.")


CONNECTORS = {
    "tables": Connector(name="tables", source_settings=Table, sink_settings=Table),
    "outlet": Connector(name="outlet", sink_settings=Table),
}

SMALL = """\
pipelines:
  - name: orders
    source: {connector: tables, table: orders}
    sink: {connector: tables, table: copies}
"""


@pytest.fixture
def read(tmp_path: Path):
    """Load a text as the file ``c.yaml``."""

    def read(text: str, **environ: str):
        path = tmp_path / "c.yaml"
        path.write_text(text)
        return load(path, environ, CONNECTORS)

    return read


@pytest.fixture
def problems(read, tmp_path: Path):
    """The problems of a text, without the folder's name."""

    def problems(text: str, **environ: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            read(text, **environ)
        return [problem.replace(f"{tmp_path}/", "") for problem in caught.value.problems]

    return problems


def test_a_small_file_is_enough(read):
    """Everything but the pipelines has a default."""
    settings = read(SMALL)
    (pipeline,) = settings.pipelines
    assert (pipeline.name, pipeline.source.connector) == ("orders", "tables")
    assert pipeline.sink.settings == Table(table="copies")
    assert (settings.api.host, settings.api.port) == ("127.0.0.1", 8700)
    assert pipeline.limits == settings.limits


def test_sections_without_content_are_defaults(read):
    """A section whose settings are all commented out is as if it were not there."""
    assert (
        read(f"gate:\n  # lag_seconds_max: 3\napi: {{token_file: null}}\n{SMALL}").gate.lag_seconds_max == 5
    )


def test_settings_cannot_be_changed(read):
    """The tree is frozen."""
    with pytest.raises(ValueError, match="frozen"):
        read(SMALL).api.port = 1


def test_limits_of_a_pipeline_complete_the_common_ones(read):
    """A pipeline's own bound wins; the others are the common ones."""
    settings = read(
        f"{SMALL}    limits: {{batch_changes_max: 9}}\n"
        "limits: {checkpoint_seconds: 2, batch_changes_max: 7}\n"
    )
    limits = settings.pipelines[0].limits
    assert (limits.checkpoint_seconds, limits.batch_changes_max) == (2, 9)
    assert settings.limits.batch_changes_max == 7


def test_the_environment_overrides(read):
    """Names nest by two underscores and numbers; flow YAML makes lists and sections."""
    settings = read(
        SMALL,
        REPLICATOR__API__PORT="0",
        REPLICATOR__PIPELINES__0__SINK__TABLE="others",
        REPLICATOR__GATE="{lag_seconds_max: 9}",
        REPLICATOR__VERIFY__AUTOMATIC="false",
        REPLICATOR_API_TOKEN="not an override",
    )
    assert settings.api.port == 0
    assert settings.pipelines[0].sink.settings.table == "others"
    assert settings.gate.lag_seconds_max == 9
    assert settings.verify.automatic is False


def test_all_problems_come_at_once_in_order(problems):
    """Each with file, line, column and path, whatever finds it."""
    found = problems(
        "migration: {strategy: fast}\n"
        "limits:\n"
        "  retry_seconds_max: none\n"
        "pipelines:\n"
        "  - name: orders\n"
        "    source: {connector: tables, tabel: t}\n"
        "    sink: {connector: tables, table: u, page_rows_max: 0}\n"
        "  - source: 3\n"
    )
    assert [problem.split(" ")[:2] for problem in found] == [
        ["c.yaml:1:23:", "migration.strategy:"],
        ["c.yaml:3:22:", "limits.retry_seconds_max:"],
        ["c.yaml:6:13:", "pipelines[0].source.table:"],
        ["c.yaml:6:33:", "pipelines[0].source.tabel:"],
        ["c.yaml:7:56:", "pipelines[0].sink.page_rows_max:"],
        ["c.yaml:8:13:", "pipelines[1].source:"],
        ["c.yaml:8:5:", "pipelines[1].name:"],
        ["c.yaml:8:5:", "pipelines[1].sink:"],
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("api: {prot: 1}\n", "c.yaml:1:7: api.prot: there is no such setting. Did you mean port?"),
        ("gates: {}\n", "c.yaml:1:1: gates: there is no such setting. Did you mean gate?"),
        ("api: {port: 70000}\n", "less than or equal to 65535 (it is 70000). Port to listen on"),
        (
            "api: 8700\n",
            "c.yaml:1:6: api: must be a section with settings of its own (it is 8700). The HTTP interface.",
        ),
        ("api: {token: S3CR3T}\n", "name a file or an environment variable"),
        ("state: {path: '${STATE}'}\n", "Set the variable REPLICATOR__STATE__PATH"),
        (
            "log: {level: info}\nlog: {level: debug}\n",
            "c.yaml:2:6: log: is set twice. It is set in line 1 too.",
        ),
        ("api: {token_file: a, token_env: B}\n", "api: token_file and token_env are both set; keep one."),
        (
            "api: {token_file: /nowhere/token}\n",
            "c.yaml:1:19: api.token_file: the file /nowhere/token cannot be read",
        ),
        ("api: {token_env: NOT_SET}\n", "api.token_env: the environment variable NOT_SET is not set."),
        (
            "limits: {retry_seconds_min: 60}\n",
            "limits.retry_seconds_min: 60 is more than retry_seconds_max, 30.",
        ),
        (
            "migration: {name: Big Move}\n",
            "migration.name: is not in the form that it must have (it is 'Big Move').",
        ),
    ],
)
def test_a_problem_says_where_what_and_how(problems, text: str, expected: str):
    """A single mistake gives a single problem, with its place and a hint."""
    (problem,) = problems(text + SMALL)
    assert expected in problem
    assert "S3CR3T" not in problem


@pytest.mark.parametrize(
    ("pipelines", "expected"),
    [
        (
            "[{name: a, source: {connector: tables, table: t, poll_seconds: 60},"
            " sink: {connector: tables, table: u}}]",
            "pipelines[0].source.poll_seconds: 60 is not less than gate.freshness_seconds_max, 15.",
        ),
        ("[]", "pipelines: needs at least one. The pipelines of the migration."),
        ("{orders: 1}", "pipelines: must be a list."),
        (
            "[{name: a, source: {connector: tabels, table: t}, sink: {connector: tables, table: u}}]",
            "c.yaml:1:43: pipelines[0].source.connector: there is no connector 'tabels'."
            " Did you mean tables? Installed are outlet, tables.",
        ),
        (
            "[{name: a, source: {connector: outlet, table: t}, sink: {connector: tables, table: u}}]",
            "pipelines[0].source.connector: the connector outlet offers no source.",
        ),
        (
            "[{name: a, source: {table: t}, sink: {connector: tables, table: u}}]",
            "pipelines[0].source.connector: the connector's name is required. Installed are outlet",
        ),
        (
            "[{name: a, source: {connector: tables, table: t}, sink: {connector: tables, table: u}},"
            " {name: a, source: {connector: tables, table: t}, sink: {connector: tables, table: v}}]",
            "pipelines[1].name: another pipeline is called a. Names are unique.",
        ),
        (
            "[{name: a, source: {connector: tables, table: t}, sink: {connector: tables, table: u}},"
            " {name: b, source: {connector: tables, table: s}, sink: {connector: tables, table: u}}]",
            "pipelines[1].sink: the pipeline a writes to the same place.",
        ),
        (
            "[{name: a, source: {connector: tables, table: t}, sink: {connector: tables, table: u},"
            " limits: {retry_seconds_max: 0.05}}]",
            "pipelines[0].limits.retry_seconds_min: 0.1 is more than retry_seconds_max, 0.05.",
        ),
    ],
)
def test_pipelines_that_cannot_be(problems, pipelines: str, expected: str):
    """Connectors, names and sinks are checked against what there is and against each other."""
    (problem,) = problems(f"pipelines: {pipelines}\n")
    assert expected in problem


def test_an_override_is_named_as_the_place(problems):
    """What a variable broke is said of the variable."""
    assert problems(SMALL, REPLICATOR__API__PORT="x")[0].startswith("REPLICATOR__API__PORT: api.port: ")
    assert problems(SMALL, REPLICATOR__API__PROT="1")[0].startswith("REPLICATOR__API__PROT: api.prot: ")
    assert "nothing to override" in problems(SMALL, REPLICATOR__PIPELINES__4__NAME="x")[0]
    assert "begins like YAML" in problems(SMALL, REPLICATOR__GATE="{")[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "c.yaml: the file is empty."),
        ("just text", "c.yaml: the file does not hold sections"),
        ("a: [1\nb: 2\n", "c.yaml:2:2: this is not YAML: "),
        ("a:\n\t- b\n", "c.yaml:2:1: this is not YAML: "),
        ("a: !python/object:os.system {}\n", "c.yaml"),
        ("a: 1\nb: \x00\n", "c.yaml:2: a character is not allowed: 0x0."),
    ],
)
def test_a_text_that_is_not_a_configuration(problems, text: str, expected: str):
    """Syntax errors are one clear line, at their place."""
    found = problems(text)
    assert found[0].startswith(expected)


def test_a_file_that_cannot_be_read(tmp_path: Path):
    """A missing file, a directory, and a file of bytes are named."""
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    for name, word in (("none.yaml", "No such file"), ("", "directory"), ("bytes.yaml", "not UTF-8")):
        with pytest.raises(ConfigError, match=word) as caught:
            load(tmp_path / name, {}, CONNECTORS)
        assert str(tmp_path / name) in str(caught.value)


def test_anchors_and_merges_work(read):
    """YAML's own means of not repeating oneself are there."""
    settings = read(
        "pipelines:\n"
        "  - &first\n"
        "    name: a\n"
        "    source: &in {connector: tables, table: t}\n"
        "    sink: {connector: tables, table: u}\n"
        "  - {<<: *first, name: b, sink: {connector: tables, table: v}}\n"
    )
    assert [pipeline.source.settings.table for pipeline in settings.pipelines] == ["t", "t"]


def test_a_token_is_read_where_it_is_named(read, tmp_path: Path):
    """A token file or variable that is there is accepted, and is not in the settings."""
    (tmp_path / "token").write_text("S3CR3T\n")
    settings = read(f"api: {{token_file: {tmp_path / 'token'}}}\n{SMALL}")
    assert "S3CR3T" not in repr(settings)
    assert read(f"api: {{token_env: TOKEN}}\n{SMALL}", TOKEN="S3CR3T").api.token_env == "TOKEN"


def test_the_installed_connectors_are_found():
    """The package's own connectors are listed by its metadata, and looked up by name."""
    connectors = installed()
    assert {"memory", "dynamodb", "cosmos"} <= set(connectors)
    assert connectors["memory"].name == "memory"
    assert "nothing" not in connectors


def test_a_broken_connector_is_told_with_its_reason(tmp_path: Path):
    """A connector that cannot be imported, or is none, is a problem only where it is used."""
    points = {
        "broken": EntryPoint("broken", "no.such.module:connector", "replicator.connectors"),
        "other": EntryPoint("other", "json:dumps", "replicator.connectors"),
    }
    path = tmp_path / "c.yaml"
    path.write_text("pipelines: [{name: a, source: {connector: broken}, sink: {connector: other}}]")
    with pytest.raises(ConfigError) as caught:
        load(path, {}, _Installed(points))
    source, sink = caught.value.problems
    assert "the connector broken (no.such.module:connector) cannot be loaded: ModuleNotFoundError" in source
    assert "is not a connector" in sink


def test_a_list_is_not_called_short_because_what_is_in_it_is_wrong(tmp_path):
    """A wrong pipeline is told once, as what it is."""
    path = tmp_path / "replicator.yaml"
    path.write_text("pipelines:\n  - {name: Orders}\n")
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    assert not [problem for problem in caught.value.problems if "needs at least one" in problem]


@pytest.mark.parametrize("text", ["pipelines: &a [*a]", "state: &a {path: *a}", "pipelines: " + "[" * 5000])
def test_sections_without_an_end_are_refused(read, text):
    """An alias within its own anchor, or brackets over brackets, are told like any other mistake."""
    with pytest.raises(ConfigError, match="holds itself"):
        read(text)
