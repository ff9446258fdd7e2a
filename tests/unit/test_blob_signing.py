"""Shared Key signatures are those that the vendor's SDK makes."""

from urllib.parse import quote, urlencode

from azure.core.pipeline import PipelineContext, PipelineRequest
from azure.core.rest import HttpRequest
from azure.storage.blob import BlobServiceClient
from hypothesis import given
from hypothesis import strategies as st

from connectors.blob.signing import SharedKey

KEY = "c2VjcmV0IGtleQ=="
HOST = "http://account.blob.core.windows.net"
POLICY = BlobServiceClient(HOST, {"account_name": "account", "account_key": KEY}).credential

metadata = st.dictionaries(
    st.from_regex(r"x-ms-meta-[a-z_][a-z0-9_]{0,4}", fullmatch=True), st.just("v"), max_size=8
)
others = st.dictionaries(
    st.sampled_from(
        [
            "x-ms-blob-type",
            "x-ms-blob-content-md5",
            "x-ms-access-tier",
            "x-ms-tags",
            "x-ms-date",
            "x-ms-range",
            "content-md5",
            "if-match",
            "if-none-match",
        ]
    ),
    st.sampled_from(['"0x1"', "a b", "*"]),
)
queries = st.dictionaries(
    st.sampled_from(["comp", "blockid", "timeout", "restype"]), st.text("ab+/= ", min_size=1)
)


@given(
    st.sampled_from(["PUT", "GET", "DELETE"]),
    st.text("ab/.~ é%", max_size=8),
    queries,
    metadata,
    others,
    st.integers(0, 10),
)
def test_a_signature_is_the_sdk_s(method, name, query, described, other, size):
    """The same request, signed by the SDK's own policy, carries the same header."""
    path = f"/container/{quote(name, safe='/~')}"
    headers = {**described, **other} | ({"content-length": str(size)} if method == "PUT" else {})
    request = HttpRequest(method, f"{HOST}{path}?{urlencode(query, quote_via=quote)}", headers=headers)
    POLICY.on_request(PipelineRequest(request, PipelineContext(None)))
    ours = SharedKey("account", KEY).authorization(method, path, query, headers)
    assert ours == request.headers["Authorization"]
