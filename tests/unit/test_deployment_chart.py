"""The Helm chart: its values, its schema and its templates, held to the service and to each other.

Helm is not needed: templates are read with their directives taken out, which leaves what is constant.
"""

import json
import re
import tomllib
from ipaddress import ip_address
from pathlib import Path

import pytest
import yaml

from replicator.api.health import router
from replicator.app.server import FINISH_SECONDS_MAX
from replicator.config import Limits, load
from replicator.config.settings import Settings

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "replicator"
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
DECIDED = yaml.safe_load((CHART / "service.yaml").read_text())
TEMPLATES = sorted((CHART / "templates").iterdir())
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def constant(name):
    """A template without its directives, as YAML."""
    lines = (CHART / "templates" / name).read_text().splitlines()
    kept = [line for line in lines if not re.fullmatch(r"\s*\{\{.*\}\}\s*", line)]
    return yaml.safe_load(re.sub(r"\{\{.*?\}\}", "value", "\n".join(kept)))


@pytest.fixture
def pod():
    """The pod of the StatefulSet."""
    return constant("statefulset.yaml")["spec"]["template"]["spec"]


def container(pod):
    """Its only container."""
    (only,) = pod["containers"]
    return only


def compare(values, schema, place="values"):
    """Every value is declared with its type, and every declared one has a default."""
    assert isinstance(values, TYPES[schema["type"]]), place
    assert values in schema.get("enum", [values]), place
    assert re.search(schema.get("pattern", ""), values if isinstance(values, str) else ""), place
    declared = schema.get("properties", {})
    if declared and "config" not in place:
        assert values.keys() == declared.keys() - {"global"}, place
    for name in values.keys() & declared.keys() if declared else ():
        compare(values[name], declared[name], f"{place}.{name}")


def test_the_schema_declares_the_values_and_no_others():
    """values.yaml and values.schema.json have the same names and types, all the way down."""
    compare(VALUES, SCHEMA)


def test_the_schema_closes_every_section():
    """A misspelt value is refused, except where names are the user's."""
    free = {
        "global",
        "resources",
        "affinity",
        "config",
        "variables",
        "nodeSelector",
        "podLabels",
        "podAnnotations",
    }
    for name, section in SCHEMA["properties"].items():
        if section["type"] == "object" and name not in free:
            assert section["additionalProperties"] is False, name


def test_the_configuration_has_the_sections_of_the_settings():
    """`config` takes every section but those that the chart decides."""
    allowed = SCHEMA["properties"]["config"]["properties"]
    assert allowed.keys() == Settings.model_fields.keys() - {"state", "api"}


def test_the_default_configuration_is_accepted(tmp_path):
    """What the chart renders without values is a configuration that the service starts with."""
    path = tmp_path / "replicator.yaml"
    path.write_text(yaml.safe_dump({**VALUES["config"], **DECIDED}))
    settings = load(path, {})
    assert settings.state.path.is_relative_to("/var/lib/replicator")
    assert ip_address(settings.api.host).is_unspecified


@pytest.mark.parametrize("name", ["COSMOS_KEY", "AWS_SECRET", "REPLICATOR_TOKEN", "REPLICATOR__API__PORT"])
def test_plain_variables_hold_no_secrets_and_override_no_decision(name):
    """The schema refuses names of secrets, and overrides of what the probes rely on."""
    names = SCHEMA["properties"]["variables"]["propertyNames"]
    assert re.search(names["not"]["pattern"], name)
    assert not re.search(names["not"]["pattern"], "AWS_REGION")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_templates_read_only_values_that_exist(template):
    """Every value that a template names is in values.yaml."""
    for place in re.findall(r"\.Values\.([\w.]+)", template.read_text()):
        section = VALUES
        for name in place.split("."):
            assert name in section, f"{template.name}: {place}"
            section = section[name]


def test_every_value_is_used_and_explained():
    """No value is left over in values.yaml, and README.md has each."""
    text = "".join(template.read_text() for template in TEMPLATES)
    readme = (CHART / "README.md").read_text()
    for name in VALUES:
        assert f".Values.{name}" in text, name
        assert f"`{name}`" in readme, name


def test_one_replica_with_a_volume(pod):
    """One process holds the state file, on a volume where the configuration has it."""
    spec = constant("statefulset.yaml")["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container(pod)["volumeMounts"]}
    assert spec["replicas"] == 1
    assert Path(DECIDED["state"]["path"]).is_relative_to(mounts[claim["metadata"]["name"]])
    assert f'VOLUME ["{mounts["state"]}"]' in (ROOT / "Dockerfile").read_text()


def test_every_mount_has_a_volume(pod):
    """What is mounted is a volume of the pod, or the claim."""
    volumes = {volume["name"] for volume in pod["volumes"]} | {"state"}
    assert {mount["name"] for mount in container(pod)["volumeMounts"]} == volumes


def test_the_network_policy_lets_both_protocols_out():
    """Service Bus is spoken to in AMQP; everything else is HTTPS."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    assert values["networkPolicy"]["ports"] == [443, 5671]


def test_probes_ask_paths_and_ports_that_exist(pod):
    """Soundness decides about restarts, readiness only about readiness, on the port of the service."""
    only = container(pod)
    (port,) = only["ports"]
    paths = {probe: only[probe]["httpGet"]["path"] for probe in only if probe.endswith("Probe")}
    assert paths == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    assert set(paths.values()) < {route.path for route in router.routes}
    assert port == {"name": "http", "containerPort": DECIDED["api"]["port"]}
    assert constant("service.yaml")["spec"]["ports"][0]["port"] == DECIDED["api"]["port"]
    (scraped,) = constant("servicemonitor.yaml")["spec"]["endpoints"]
    assert scraped["path"] in {route.path for route in router.routes}


def test_the_container_may_do_nothing_that_it_need_not(pod):
    """Not root, a read-only root file system, no capability, no token of the cluster."""
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(pod)["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert f"USER {pod['securityContext']['runAsUser']}:" in (ROOT / "Dockerfile").read_text()


def test_the_pod_is_given_longer_than_a_stop_takes():
    """SIGKILL comes only after pipelines have finished and the last requests are answered."""
    names = (CHART / "templates" / "_names.tpl").read_text()
    default = int(re.search(r'"stop_seconds_max" (\d+) ', names)[1])
    assert default == Limits().stop_seconds_max
    assert int(re.search(r"add \(int \$longest\) (\d+)", names)[1]) > FINISH_SECONDS_MAX


def test_the_pod_has_the_memory_that_the_defaults_are_made_for():
    """256Mi, requested and at most."""
    assert VALUES["resources"]["limits"]["memory"] == VALUES["resources"]["requests"]["memory"] == "256Mi"


def test_the_chart_installs_the_version_of_the_project():
    """The default image is the one built from this tree."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == project["version"]
