"""What the S3 source sends is what it signed, to where the SDK says that the bucket is."""

import hashlib
import hmac
from urllib.parse import unquote

import pytest
from aiohttp import web

from connectors.s3 import SourceSettings
from connectors.s3.client import Client
from connectors.s3.objects import Objects

KEYS = [
    "a/../b",
    "..",
    "./x",
    "//y",
    "q?a=b&c#d",
    "sp ace+plus",
    "ünï/日本",
    "x%2Fy",
    "~-._",
    "a=b:c@d,e;f'(g)*!",
]
SECRET = "the-secret"


@pytest.fixture
def credentials(monkeypatch):
    """Credentials of a session, and no endpoint but the services' own."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", "the/token==")


def settings(**chosen):
    """Settings of a bucket in a region."""
    given = {"bucket": "photos", "region": "eu-west-1", "queue_url": "https://sqs.example/1/q"}
    return SourceSettings(**given | chosen)


def signature_of(request):
    """What the signature has to be, by the rules of Signature Version 4 for S3, of the bytes that came."""
    scheme, _, rest = request.headers["Authorization"].partition(" ")
    assert scheme == "AWS4-HMAC-SHA256"
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    path, _, query = request.raw_path.partition("?")
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&") if pair)
    names = parts["SignedHeaders"].split(";")
    canonical = "\n".join(
        [
            request.method,
            path,
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{request.headers[name].strip()}" for name in names),
            "",
            parts["SignedHeaders"],
            request.headers["x-amz-content-sha256"],
        ]
    )
    _, day, region, service, end = parts["Credential"].split("/")
    key = f"AWS4{SECRET}".encode()
    for word in (day, region, service, end):
        key = hmac.digest(key, word.encode(), "sha256")
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    scope = f"{day}/{region}/{service}/{end}"
    to_sign = f"AWS4-HMAC-SHA256\n{request.headers['x-amz-date']}\n{scope}\n{digest}"
    return hmac.new(key, to_sign.encode(), "sha256").hexdigest(), parts["Signature"], names


@pytest.fixture
async def seen(credentials):
    """The URL of a server that answers everything by 404, and the requests that it has seen."""
    requests = []

    async def answer(request):
        requests.append((request.raw_path, *signature_of(request)))
        return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")

    server = web.AppRunner(web.Application())
    server.app.router.add_route("*", "/{tail:.*}", answer)
    await server.setup()
    await web.TCPSite(server, "127.0.0.1", 0).start()
    host, port = server.addresses[0][:2]
    yield f"http://{host}:{port}", requests
    await server.cleanup()


@pytest.mark.parametrize("key", KEYS)
async def test_requests_are_signed_as_they_are_sent(seen, key):
    """For every key, with and without a query or conditions, the signature is that of what arrived."""
    url, requests = seen
    client = Client(settings(endpoint_url=url))
    await client.open()
    objects = Objects(client, settings())
    assert await objects.head(key) is None
    async with objects.open(key, begin=5, etag="abc") as stream:
        assert stream is None
    with pytest.raises(Exception, match="ListObjectsV2"):
        await objects.list(key, 10, prefix=key)
    await client.close()
    assert len(requests) == 4
    for path, expected, sent, names in requests:
        assert sent == expected
        assert {"host", "x-amz-date", "x-amz-security-token"} <= set(names)
        if "list-type" not in path:
            assert unquote(path.partition("?")[0]) == f"/photos/{key}"
    assert "range" in requests[2][3]
    assert "if-match" in requests[2][3]


@pytest.mark.parametrize(
    ("bucket", "region", "base"),
    [
        ("photos", "eu-west-1", "https://photos.s3.eu-west-1.amazonaws.com/"),
        ("photos", "us-east-1", "https://photos.s3.us-east-1.amazonaws.com/"),
        ("with.dots", "eu-west-1", "https://s3.eu-west-1.amazonaws.com/with.dots/"),
        ("photos", "cn-north-1", "https://photos.s3.cn-north-1.amazonaws.com.cn/"),
    ],
)
async def test_the_sdk_says_where_the_bucket_is(credentials, bucket, region, base):
    """With the host of its region, and in the path where its name is no host's."""
    client = Client(settings(bucket=bucket, region=region))
    await client.open()
    assert (client.wire.address.base, client.wire.address.region) == (base, region)
    await client.close()
