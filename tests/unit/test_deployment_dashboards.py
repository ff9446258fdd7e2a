"""Dashboard and alert rules, held to the metrics that are declared."""

import json
import re
from itertools import combinations
from pathlib import Path

import pytest
import yaml

from replicator.config.settings import Gate
from replicator.telemetry import Metrics
from replicator.telemetry.figures import BACKFILL_PHASES, PIPELINE_STATES
from replicator.telemetry.metrics import ALL

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "dashboards" / "replicator.json").read_text())
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "dashboards" / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
]
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
TARGETS = [target for panel in PANELS for target in panel["targets"]]
VARIABLES = DASHBOARD["templating"]["list"]
EXPRESSIONS = [target["expr"] for target in TARGETS] + [rule["expr"] for rule in RULES]
QUERIES = [variable["definition"] for variable in VARIABLES if variable["type"] == "query"]

NOT_SHOWN = {
    "replicator_lease_held": "the table of states says who stands by, and an alert whether nobody works"
}
"""Declared metrics that the dashboard leaves out, and why."""

OF_PROMETHEUS = {"job", "le"}
"""Labels that are not ours: who was scraped, and the bound of a bucket."""

CHOICES = {"state": set(PIPELINE_STATES), "stage": set(BACKFILL_PHASES)}


def samples():
    """Every sample name that a scrape may have, with its labels."""
    ours = {metric.name: set(metric.labels) for metric in ALL if metric.kind != "histogram"}
    for metric in ALL:
        if metric.kind == "histogram":
            ours |= {f"{metric.name}_{part}": set(metric.labels) for part in ("bucket", "sum", "count")}
    process = re.findall(r"^(process_\w+) ", Metrics().render()[0].decode(), re.MULTILINE)
    return ours | {name: set() for name in process}


SAMPLES = samples()


def names_in(expression):
    """The metrics that an expression reads."""
    return set(re.findall(r"\b(?:replicator|process)_\w+", expression))


def matchers_in(expression):
    """Label and value of each condition in braces."""
    inside = ",".join(re.findall(r"\{([^}]*)\}", expression))
    return re.findall(r'(\w+)\s*(?:=~|!~|!=|=)\s*"([^"]*)"', inside)


def labels_in(expression):
    """The labels that an expression selects or groups by."""
    words = r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)"
    grouped = re.split(r"[,\s]+", ",".join(re.findall(words, expression)))
    return ({label for label, _ in matchers_in(expression)} | set(grouped)) - {""}


def labels_of(expression):
    """The labels that its metrics have."""
    return set().union(*(SAMPLES[name] for name in names_in(expression))) | OF_PROMETHEUS


@pytest.mark.parametrize("expression", [*EXPRESSIONS, *QUERIES])
def test_expressions_use_what_is_declared(expression):
    """Every metric and label of a query exists, and its parentheses and braces are closed."""
    assert names_in(expression)
    assert names_in(expression) <= SAMPLES.keys()
    assert labels_in(expression) <= labels_of(expression)
    for opening, closing in ("()", "{}", "[]"):
        assert expression.count(opening) == expression.count(closing)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_states_and_phases_that_are_asked_for_exist(expression):
    """A condition on a state or a phase names one that a pipeline can be in."""
    for label, value in matchers_in(expression):
        assert value in CHOICES.get(label, {value})


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_legends_and_columns_are_labels_of_their_query(panel):
    """What a legend or a column shows is in the result."""
    for target in panel["targets"]:
        has = labels_of(target["expr"])
        assert set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", ""))) <= has
        for transformation in panel.get("transformations", ()):
            assert transformation["options"]["indexByName"].keys() <= has | {"Value"}


def test_every_metric_is_shown_or_left_out_on_purpose():
    """A new metric has to find its panel."""
    read = set().union(*(names_in(target["expr"]) for target in TARGETS))
    shown = {metric.name for metric in ALL if read & {metric.name, f"{metric.name}_bucket"}}
    assert shown.isdisjoint(NOT_SHOWN)
    assert shown | NOT_SHOWN.keys() == {metric.name for metric in ALL}


def test_panels_have_a_place_of_their_own():
    """Panels have different numbers, a title and an explanation, and do not overlap."""
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert all(panel["title"] and panel["description"] for panel in PANELS)
    for one, other in combinations((panel["gridPos"] for panel in DASHBOARD["panels"]), 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)


def test_the_dashboard_asks_the_prometheus_that_was_chosen():
    """No query is bound to one installation, and every variable that is used is declared."""
    asked = [panel["datasource"] for panel in PANELS] + [target["datasource"] for target in TARGETS]
    assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in asked)
    used = set(re.findall(r"\$(\w+)", " ".join(EXPRESSIONS + QUERIES)))
    assert used <= {variable["name"] for variable in VARIABLES} | {"__rate_interval", "labels", "value"}


def test_the_dashboard_answers_its_questions_in_order():
    """Safety first, resources last."""
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]
    assert rows == [
        "Is cutover safe?",
        "How far behind?",
        "Flow",
        "Backfill",
        "Objects and queues",
        "Trust",
        "Resources",
    ]
    monitoring = (ROOT / "docs" / "monitoring.md").read_text()
    assert all(f"| {row} |" in monitoring for row in rows)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_alerts_say_how_grave_they_are_and_what_to_do(rule):
    """Severity, a summary that names what it is about, and a page that exists."""
    assert rule["labels"]["severity"] in {"warning", "critical"}
    texts = " ".join(rule["annotations"].values())
    assert set(re.findall(r"\$labels\.(\w+)", texts)) & {"job", "pipeline"}
    assert set(re.findall(r"\$labels\.(\w+)", texts)) <= labels_of(rule["expr"])
    page, _, section = rule["annotations"]["runbook"].partition("#")
    assert f"# {section.capitalize()}" in (ROOT / page).read_text()


def test_alerts_are_explained():
    """The monitoring page has each alert, and no other."""
    explained = re.findall(
        r"^\| `(Replicator\w+)`", (ROOT / "docs" / "monitoring.md").read_text(), re.MULTILINE
    )
    assert explained == [rule["alert"] for rule in RULES]


def test_the_retention_alert_comes_with_the_gate():
    """It warns at the bound at which the gate closes by default."""
    (low,) = (rule for rule in RULES if rule["alert"] == "ReplicatorRetentionLow")
    assert f"< {Gate().retention_seconds_min:.0f} " in low["expr"]
