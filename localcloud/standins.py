"""How each stand-in is started: its command, its environment, and how to tell that it answers."""

import sys
from collections.abc import Sequence
from pathlib import Path

from localcloud.node import azurite_command
from localcloud.probes import all_answer_http, answers_http
from localcloud.processes import Server
from localcloud.servicebus import connection_string

__all__ = ["azurite", "cosmos", "ministack", "proxy", "servicebus"]

_STORAGE = ("blob", "queue", "table")


def ministack(directory: Path, port: int, *, persist: bool) -> tuple[Server, str]:
    """Return the server of the AWS stand-in and its URL; with `persist` a clean stop keeps its state."""
    url = f"http://127.0.0.1:{port}"
    state = directory / "ministack"
    environment = {
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LOG_LEVEL": "WARNING",
    }
    if persist:
        environment |= {
            "PERSIST_STATE": "1",
            "S3_PERSIST": "1",
            "STATE_DIR": str(state),
            "S3_DATA_DIR": str(state / "s3"),
        }
    probe = answers_http(f"{url}/_ministack/health")
    command = [sys.executable, "-m", "ministack"]
    return Server("ministack", command, probe, _log(directory, "ministack"), environment), url


def proxy(directory: Path, port: int, upstream_url: str) -> tuple[Server, str]:
    """Return the server of the shaping proxy before ministack, and its URL."""
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "localcloud.aws", "--upstream", upstream_url, "--port", str(port)]
    command += ["--directory", str(directory / "aws")]
    return Server("aws", command, answers_http(f"{url}/_local/health"), _log(directory, "aws")), url


def cosmos(directory: Path, port: int, *, persist: bool) -> tuple[Server, str]:
    """Return the server of the Cosmos DB stand-in, and its URL; `persist` keeps all over a clean stop."""
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "localcloud.cosmos", "--port", str(port)]
    command += ["--directory", str(directory / "cosmos")] if persist else []
    return Server("cosmos", command, answers_http(url), _log(directory, "cosmos")), url


def azurite(directory: Path, ports: Sequence[int], *, persist: bool) -> tuple[Server, dict[str, str]]:
    """Return the server of the Azure Storage stand-in on three ports: its blob, queue and table URLs.

    Raises:
        FileNotFoundError: Node.js or Azurite is missing.
    """
    command = [*azurite_command(), "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    by_service = dict(zip(_STORAGE, ports, strict=True))
    for service, port in by_service.items():
        command += [f"--{service}Host", "127.0.0.1", f"--{service}Port", str(port)]
    command += ["--location", str(directory / "azurite")] if persist else ["--inMemoryPersistence"]
    urls = {service: f"http://127.0.0.1:{port}" for service, port in by_service.items()}
    return Server("azurite", command, all_answer_http(urls.values()), _log(directory, "azurite")), urls


def servicebus(directory: Path, port: int, control_port: int, *, persist: bool) -> tuple[Server, str, str]:
    """Return the server of the Service Bus stand-in, its connection string and the URL of its control path.

    With `persist` its queues and messages are kept over a stop, also over one by SIGKILL.
    """
    control_url = f"http://127.0.0.1:{control_port}"
    command = [sys.executable, "-m", "localcloud.servicebus", "--port", str(port)]
    command += ["--control-port", str(control_port)]
    command += ["--directory", str(directory / "servicebus")] if persist else []
    probe = answers_http(f"{control_url}/_local/health")
    server = Server("servicebus", command, probe, _log(directory, "servicebus"))
    return server, connection_string(f"127.0.0.1:{port}"), control_url


def _log(directory: Path, name: str) -> Path:
    return directory / "logs" / f"{name}.log"
