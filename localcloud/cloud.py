"""Both clouds as one thing to start and stop."""

import asyncio
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from localcloud import standins
from localcloud.aws.remote import AwsControl
from localcloud.cosmos import WELL_KNOWN_KEY
from localcloud.ports import Port
from localcloud.processes import Server
from localcloud.servicebus import ServiceBusControl

__all__ = ["LocalClouds"]

_AZURITE_ACCOUNT = "devstoreaccount1"
# Azurite's published development key, the same on every machine; it opens nothing else.
_AZURITE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class LocalClouds:
    """The stand-ins of AWS and Azure as processes on free loopback ports.

    Use it as an async context manager, or through `start` and `stop`; these need not run on the same event
    loop. The servers are named ``ministack``, ``aws`` (the shaping proxy, which is what programs talk to),
    ``cosmos``, ``azurite`` and ``servicebus``. They end with the thread that started them, even where its
    process is killed: so start them from the main thread.

    Args:
        directory: for logs and state; None takes a temporary one that goes at the end.
        azurite: whether Azure Storage is wanted too; it needs Node.js.
        servicebus: whether Azure Service Bus is wanted too.
        persist: whether all of them keep their state over a clean stop.
    """

    def __init__(
        self,
        directory: Path | None = None,
        *,
        azurite: bool = True,
        servicebus: bool = False,
        persist: bool = False,
    ) -> None:
        self._stack = AsyncExitStack()
        if directory is None:
            directory = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="localcloud-")))
        self.directory = directory
        self._azurite, self._servicebus, self._persist = azurite, servicebus, persist
        self._servers: dict[str, Server] = {}
        self.ministack_url = self._aws_url = self._cosmos_url = ""
        self._storage_urls: dict[str, str] = {}
        self._bus_connection_string = self._bus_control_url = ""

    @classmethod
    async def start(
        cls,
        directory: Path | None = None,
        *,
        azurite: bool = True,
        servicebus: bool = False,
        persist: bool = False,
    ) -> Self:
        """Start the clouds and return them when all of them answer.

        Raises:
            StartError: a server did not come up; none is left running.
            FileNotFoundError: Azurite is wanted, and it or Node.js is missing.
        """
        clouds = cls(directory, azurite=azurite, servicebus=servicebus, persist=persist)
        await clouds.__aenter__()
        return clouds

    async def __aenter__(self) -> Self:
        try:
            self._plan()
            await asyncio.gather(*(server.start() for server in self._servers.values()))
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def stop(self) -> None:
        """Stop every server cleanly: the proxy before ministack, of which it reads what is left."""
        if "aws" in self._servers:
            await self._servers["aws"].stop()
        await asyncio.gather(*(server.stop() for server in self._servers.values()))
        await self._stack.aclose()

    async def kill(self, name: str) -> None:
        """Kill one server at once and leave it down.

        Raises:
            KeyError: there is no server of that name.
        """
        await self._servers[name].kill()

    async def restart(self, name: str) -> None:
        """Start one server again on its port, after a clean stop where it still runs.

        Raises:
            KeyError: there is no server of that name.
            StartError: it did not come up.
        """
        await self._servers[name].stop()
        await self._servers[name].start()

    def pid(self, name: str) -> int | None:
        """Return the process id of a server, or None while it is down."""
        return self._servers[name].pid

    @property
    def aws(self) -> AwsControl:
        """What scripts the shaping proxy: splits, trimming, faults and the rest."""
        return AwsControl(self._aws_url)

    @property
    def servicebus(self) -> ServiceBusControl:
        """What sets up and scripts Service Bus: queues, faults, the clock."""
        return ServiceBusControl(self._bus_control_url)

    def environment(self) -> dict[str, str]:
        """Return the variables by which programs find the clouds."""
        environment = {
            "AWS_ENDPOINT_URL": self._aws_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "COSMOS_ENDPOINT": self._cosmos_url,
            "COSMOS_KEY": WELL_KNOWN_KEY,
        }
        if self._storage_urls:
            environment["AZURE_STORAGE_CONNECTION_STRING"] = self._connection_string()
        if self._bus_connection_string:
            environment["SERVICEBUS_CONNECTION_STRING"] = self._bus_connection_string
            environment["SERVICEBUS_MANAGEMENT_ENDPOINT"] = self._bus_control_url
        return environment

    def _connection_string(self) -> str:
        parts = {
            "DefaultEndpointsProtocol": "http",
            "AccountName": _AZURITE_ACCOUNT,
            "AccountKey": _AZURITE_KEY,
        }
        for service, url in self._storage_urls.items():
            parts[f"{service.capitalize()}Endpoint"] = f"{url}/{_AZURITE_ACCOUNT}"
        return ";".join(f"{name}={value}" for name, value in parts.items())

    def _plan(self) -> None:
        at, persist = self.directory, self._persist
        ministack, self.ministack_url = standins.ministack(at, self._port(), persist=persist)
        proxy, self._aws_url = standins.proxy(at, self._port(), self.ministack_url)
        cosmos, self._cosmos_url = standins.cosmos(at, self._port(), persist=persist)
        servers = [ministack, proxy, cosmos]
        if self._azurite:
            ports = [self._port() for _ in range(3)]
            azurite, self._storage_urls = standins.azurite(at, ports, persist=persist)
            servers.append(azurite)
        if self._servicebus:
            bus, self._bus_connection_string, self._bus_control_url = standins.servicebus(
                at, self._port(), self._port(), persist=persist
            )
            servers.append(bus)
        self._servers = {server.name: server for server in servers}

    def _port(self) -> int:
        return self._stack.enter_context(Port()).number
