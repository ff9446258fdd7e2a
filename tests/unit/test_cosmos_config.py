"""The settings of the Cosmos DB sink: what they want, and where credentials come from."""

import pytest
from pydantic import ValidationError

from connectors.cosmos import CosmosSinkSettings

REQUIRED = {"endpoint": "https://a.documents.azure.com/", "database": "d", "container": "c"}


@pytest.fixture(autouse=True)
def _no_ambient_account(monkeypatch):
    """No account in the environment."""
    monkeypatch.delenv("COSMOS_ENDPOINT", raising=False)
    monkeypatch.delenv("COSMOS_KEY", raising=False)


def test_the_endpoint_may_come_from_the_environment(monkeypatch):
    """COSMOS_ENDPOINT stands in for a missing endpoint."""
    monkeypatch.setenv("COSMOS_ENDPOINT", "http://127.0.0.1:8081/")
    settings = CosmosSinkSettings(database="d", container="c")
    assert settings.endpoint == "http://127.0.0.1:8081/"


@pytest.mark.parametrize(
    "change",
    [
        {"endpoint": ""},
        {"endpoint": "a.documents.azure.com"},
        {"database": ""},
        {"key": "secret"},
        {"credential": "key"},
    ],
)
def test_settings_that_cannot_work_are_refused(change):
    """No endpoint, no names, a key in the text, a key that is nowhere."""
    with pytest.raises(ValidationError):
        CosmosSinkSettings.model_validate(REQUIRED | change)


def test_the_key_comes_from_a_file_then_a_variable(monkeypatch, tmp_path):
    """The file wins, then the named variable; without either, the default credential is meant."""
    assert CosmosSinkSettings(**REQUIRED).account_key() is None
    monkeypatch.setenv("MY_KEY", "from-variable\n")
    assert CosmosSinkSettings(**REQUIRED, key_env="MY_KEY").account_key() == "from-variable"
    (tmp_path / "key").write_text("from-file\n", encoding="utf-8")
    settings = CosmosSinkSettings(**REQUIRED, key_env="MY_KEY", key_file=tmp_path / "key")
    assert settings.account_key() == "from-file"
    assert settings.model_copy(update={"credential": "default"}).account_key() is None


def test_every_setting_is_described():
    """The configuration reference is generated from the descriptions."""
    assert all(field.description for field in CosmosSinkSettings.model_fields.values())
