"""The installed connectors, found through the entry-point group ``replicator.connectors``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points

from replicator.connector import Connector
from replicator.model.errors import ConfigError

GROUP = "replicator.connectors"


def installed() -> Mapping[str, Connector]:
    """Name to connector. A connector is imported when it is looked up, so that others' SDKs are not.

    Looking one up raises ConfigError where it is installed and cannot be imported.
    """
    return _Installed({point.name: point for point in entry_points(group=GROUP)})


class _Installed(Mapping[str, Connector]):
    def __init__(self, points: Mapping[str, EntryPoint]) -> None:
        self._points = points

    def __getitem__(self, name: str) -> Connector:
        return _load(self._points[name])

    def __contains__(self, name: object) -> bool:
        return name in self._points

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._points))

    def __len__(self) -> int:
        return len(self._points)


def _load(point: EntryPoint) -> Connector:
    try:
        connector = point.load()
    except Exception as error:  # a third party's module may raise anything while it is imported
        raise ConfigError(
            [f"the connector {point.name} ({point.value}) cannot be loaded: {error!r}"],
            hint="Install the package again, with its dependencies.",
        ) from error
    if not isinstance(connector, Connector):
        raise ConfigError(
            [f"the entry point {point.name} ({point.value}) is not a connector"],
            hint="It has to name a replicator.connector.Connector.",
        )
    return connector
