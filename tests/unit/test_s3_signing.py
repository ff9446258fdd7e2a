"""The signatures of S3 requests are those that the SDK's own signer makes."""

import calendar
import time
from urllib.parse import quote

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from connectors.s3.signing import Signer

BASE, HOST = "https://bucket.example:8443", "bucket.example:8443"
SIGNER = Signer(f"{BASE}/", "eu-west-1")
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
VISIBLE = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
HEADERS = st.dictionaries(
    st.sampled_from(["range", "if-match", "x-amz-checksum-mode"]), VISIBLE | st.just("a  b")
)


@given(
    st.sampled_from(["GET", "HEAD"]),
    NAMES,
    st.dictionaries(NAMES, NAMES, max_size=3),
    HEADERS,
    st.builds(ReadOnlyCredentials, VISIBLE, VISIBLE, st.none() | VISIBLE),
)
def test_a_signature_is_the_sdk_s(method, path, query, headers, credentials):
    """The same request, signed by the SDK at the same time, carries the same headers."""
    encoded = "&".join(f"{quote(name, safe='')}={quote(text, safe='')}" for name, text in query.items())
    url = f"{BASE}/{quote(path, safe='/~')}" + (f"?{encoded}" if encoded else "")
    request = AWSRequest(method, url, headers={"host": HOST, **headers})
    S3SigV4Auth(credentials, "s3", "eu-west-1").add_auth(request)
    theirs = {name.lower(): text for name, text in request.headers.items()}
    at = calendar.timegm(time.strptime(theirs["x-amz-date"], "%Y%m%dT%H%M%SZ"))
    assert SIGNER.sign(credentials, method, url, headers, at) == theirs


def test_a_parameter_without_a_value_is_signed_as_an_empty_one():
    """``?tagging`` and ``?tagging=`` have one signature."""
    credentials = ReadOnlyCredentials("AKID", "secret", None)
    bare, empty = (
        SIGNER.sign(credentials, "GET", f"{BASE}/key?tagging{end}", {}, 1e9)["authorization"]
        for end in ("", "=")
    )
    assert bare == empty
