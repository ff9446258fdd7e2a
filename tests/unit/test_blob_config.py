"""The blob settings refuse what cannot work, say where it goes, and hold no secret."""

import pytest
from pydantic import ValidationError

from connectors.blob.account import Account, account_of
from connectors.blob.config import MEBIBYTE, BlobSinkSettings
from replicator.model.errors import PermanentError

URL = "https://shop.blob.core.windows.net"
KEY = "c2VjcmV0"


@pytest.fixture(autouse=True)
def _bare(monkeypatch):
    for name in ("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_KEY"):
        monkeypatch.delenv(name, raising=False)


def account(**settings):
    """The account of these settings."""
    return account_of(BlobSinkSettings(container="invoices", **settings))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"AccountName=shop;AccountKey={KEY}", Account(URL, "shop", KEY)),
        (
            f"AccountName=shop;AccountKey={KEY};EndpointSuffix=core.chinacloudapi.cn",
            Account("https://shop.blob.core.chinacloudapi.cn", "shop", KEY),
        ),
        (
            f"AccountName=a;AccountKey={KEY};BlobEndpoint=http://127.0.0.1:10000/a/",
            Account("http://127.0.0.1:10000/a", "a", KEY),
        ),
        (
            f"BlobEndpoint={URL}/;SharedAccessSignature=?sv=1&sig=x%3D",
            Account(URL, "shop", None, "sv=1&sig=x%3D"),
        ),
    ],
)
def test_a_connection_string_names_the_account(monkeypatch, tmp_path, text, expected):
    """It comes from the variable or from the file, in every form that Azure hands out."""
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text)
    assert account() == expected
    file = tmp_path / "connection"
    file.write_text(f"{text}\n")
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", "wrong")
    assert account(connection_string_file=file) == expected


def test_an_endpoint_names_the_account(monkeypatch, tmp_path):
    """The key comes from its variable or file; without one the default credential is used."""
    assert account(endpoint=f"{URL}/") == Account(URL, "shop")
    assert account(endpoint="https://blobs.example.com", account="shop").name == "shop"
    monkeypatch.setenv("AZURE_STORAGE_KEY", KEY)
    assert account(endpoint=URL) == Account(URL, "shop", KEY)
    assert account(endpoint=URL, credential="default") == Account(URL, "shop")
    file = tmp_path / "key"
    file.write_text("b3RoZXI=\n")
    assert account(endpoint=URL, key_file=file).key == "b3RoZXI="


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "set endpoint, or a connection string"),
        ({"endpoint": "shop"}, "http"),
        ({"endpoint": URL, "credential": "key"}, "AZURE_STORAGE_KEY"),
        ({"endpoint": URL, "container": "In_voices"}, "container"),
        (
            {"endpoint": URL, "buffer_bytes_max": 4 * MEBIBYTE, "single_put_bytes_max": 5 * MEBIBYTE},
            "single_put",
        ),
        ({"endpoint": URL, "unknown": 1}, "unknown"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, said):
    """The message names what is missing or wrong."""
    with pytest.raises(ValidationError, match=said):
        BlobSinkSettings(**{"container": "invoices"} | settings)


@pytest.mark.parametrize(
    "text",
    [
        "AccountName=shop;AccountKey=not base64!",
        "UseDevelopmentStorage=true",
        "Nothing=1",
        "BlobEndpoint=http://h/a",
    ],
)
def test_a_credential_that_is_none_is_refused_in_our_words(monkeypatch, text):
    """Nothing of it is shown, and the error has a hint."""
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", text)
    with pytest.raises(PermanentError, match="credential") as caught:
        account()
    assert caught.value.hint
    assert "not base64!" not in str(caught.value)


def test_a_missing_file_is_told(tmp_path):
    """A file that cannot be read stops the pipeline with its name."""
    with pytest.raises(PermanentError, match="nowhere"):
        account(endpoint=URL, key_file=tmp_path / "nowhere")
