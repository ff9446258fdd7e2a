"""The account: databases, containers and their throughput."""

import itertools
import random
from collections.abc import Callable
from typing import Any

from localcloud.cosmos.budget import Budget
from localcloud.cosmos.container import Container
from localcloud.cosmos.document import make_etag, resource_id
from localcloud.cosmos.errors import bad_request, conflict, not_found
from localcloud.cosmos.payload import check_default_ttl

_NAME_CHARACTERS_MAX = 255
_INDEX_EVERYTHING = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": '/"_etag"/?'}],
}
_CHILDREN = {"_docs": "docs/", "_sprocs": "sprocs/", "_triggers": "triggers/", "_udfs": "udfs/"}
_KEY_PATHS_MAX = {"Hash": 1, "MultiHash": 3}
_REFUSED_PROPERTIES = ("uniqueKeyPolicy", "vectorEmbeddingPolicy", "fullTextPolicy")


class Database:
    """A named set of containers."""

    def __init__(self, properties: dict[str, Any], rid: bytes) -> None:
        self.properties = properties
        self.rid = rid
        self.containers: dict[str, Container] = {}
        self.budget: Budget | None = None


class Account:
    """Everything that the stand-in holds.

    Args:
        range_count: physical ranges of each new container.
        clock: returns seconds since the epoch.

    Attributes:
        clock: the same.
        next_version: returns a number that the account never returned before.
    """

    def __init__(self, range_count: int, clock: Callable[[], float]) -> None:
        self.databases: dict[str, Database] = {}
        self.offers: dict[str, dict[str, Any]] = {}
        self.clock = clock
        self._range_count = range_count
        self._versions = itertools.count(1)
        self.next_version: Callable[[], int] = self._version
        self._rids = random.Random()  # noqa: S311 - resource ids, not secrets

    def restore(
        self, version: int, databases: dict[str, Database], offers: dict[str, dict[str, Any]]
    ) -> None:
        """Hold what another account held, whose last version this was."""
        self._versions = itertools.count(version + 1)
        self.databases, self.offers = databases, offers

    def database(self, name: str) -> Database:
        """Return a database; 404 where there is none."""
        found = self.databases.get(name)
        if found is None:
            raise not_found(f"dbs/{name}")
        return found

    def container(self, database: str, name: str) -> Container:
        """Return a container; 404 where there is none (substatus 1003: its database is missing)."""
        if database not in self.databases:
            raise not_found(f"dbs/{database}", 1003)
        found = self.databases[database].containers.get(name)
        if found is None:
            raise not_found(f"dbs/{database}/colls/{name}", 1003)
        return found

    def create_database(self, body: Any) -> Database:
        """Create a database from ``{"id": …}``."""
        name = _checked_name(body)
        if name in self.databases:
            raise conflict(name)
        rid = self._rids.randbytes(4)
        link = f"dbs/{resource_id(rid)}/"
        properties = {"id": name, **self._system(resource_id(rid), link)}
        properties |= {"_colls": "colls/", "_users": "users/"}
        self.databases[name] = Database(properties, rid)
        return self.databases[name]

    def delete_database(self, name: str) -> None:
        """Delete a database and its containers."""
        database = self.database(name)
        for container in list(database.containers):
            self.delete_container(name, container)
        self._drop_offer(database.properties["_self"])
        del self.databases[name]

    def create_container(self, database_name: str, body: Any) -> Container:
        """Create a container from its definition."""
        database = self.database(database_name)
        name = _checked_name(body)
        _check_definition(body)
        if name in database.containers:
            raise conflict(name)
        rid = database.rid + self._rids.randbytes(4)
        link = f"dbs/{resource_id(database.rid)}/colls/{resource_id(rid)}/"
        properties = {"indexingPolicy": _INDEX_EVERYTHING, **body}
        properties |= self._system(resource_id(rid), link) | _CHILDREN
        container = Container(
            properties,
            rid,
            resource_id(database.rid),
            self._range_count,
            self.clock,
            self.next_version,
        )
        container.budget = database.budget
        database.containers[name] = container
        return container

    def replace_container(self, database_name: str, name: str, body: Any) -> Container:
        """Change a container's TTL and indexing; its id and partition key stay as they are."""
        container = self.existing_container(database_name, name)
        if _checked_name(body) != name:
            raise bad_request("The id of a container cannot be changed")
        _check_definition(body)
        old = container.properties
        if body["partitionKey"] != old["partitionKey"]:
            raise bad_request("The partition key of a container cannot be changed")
        system = self._system(old["_rid"], old["_self"])
        kept = {"indexingPolicy": old["indexingPolicy"]}
        container.properties = kept | body | system | _CHILDREN
        return container

    def delete_container(self, database_name: str, name: str) -> None:
        """Delete a container and its items."""
        container = self.existing_container(database_name, name)
        self._drop_offer(container.properties["_self"])
        del self.database(database_name).containers[name]

    def provision(self, owner: Database | Container, units_per_second: int) -> None:
        """Give a database or container a throughput, in request units per second."""
        link, rid = owner.properties["_self"], owner.properties["_rid"]
        name = resource_id(self._rids.randbytes(3))
        self.offers[name] = {
            "id": name,
            "resource": link,
            "offerResourceId": rid,
            "offerType": "Invalid",
            "offerVersion": "V2",
            "content": {"offerThroughput": units_per_second},
            **self._system(name, f"offers/{name}/"),
        }
        owner.budget = Budget(units_per_second, self.clock)

    def replace_offer(self, name: str, body: Any) -> dict[str, Any]:
        """Change a throughput; returns the offer as it is now."""
        offer = self.offer(name)
        units = _offered_units(body)
        offer["content"] = body["content"]
        offer |= self._system(offer["_rid"], offer["_self"])
        for owner in self._owners():
            if owner.properties["_self"] == offer["resource"] and owner.budget is not None:
                owner.budget.set_rate(units)
        return offer

    def offer(self, name: str) -> dict[str, Any]:
        """Return a throughput by its resource id; 404 where there is none."""
        for identifier, offer in self.offers.items():
            # The SDK signs and sends resource ids in lower case in places.
            if identifier.lower() == name.lower():
                return offer
        raise not_found(f"offers/{name}")

    def _version(self) -> int:
        return next(self._versions)

    def _owners(self) -> list[Database | Container]:
        owners: list[Database | Container] = list(self.databases.values())
        for database in self.databases.values():
            owners.extend(database.containers.values())
        return owners

    def existing_container(self, database_name: str, name: str) -> Container:
        """Return a container that is itself what a call is about; 404 without a substatus."""
        container = self.database(database_name).containers.get(name)
        if container is None:
            raise not_found(f"dbs/{database_name}/colls/{name}")
        return container

    def _drop_offer(self, link: str) -> None:
        self.offers = {name: offer for name, offer in self.offers.items() if offer["resource"] != link}

    def _system(self, rid: str, link: str) -> dict[str, Any]:
        ts = int(self.clock())
        return {
            "_rid": rid,
            "_self": link,
            "_etag": make_etag(self.next_version(), ts),
            "_ts": ts,
        }


def _offered_units(body: Any) -> int:
    content = body.get("content") if isinstance(body, dict) else None
    units = content.get("offerThroughput") if isinstance(content, dict) else None
    if not isinstance(units, int) or units < 1:
        raise bad_request("offerThroughput has to be a positive integer")
    return units


def _checked_name(body: Any) -> str:
    name = body.get("id") if isinstance(body, dict) else None
    if not isinstance(name, str) or not name or len(name) > _NAME_CHARACTERS_MAX:
        raise bad_request("The id has to be a string of 1 to 255 characters")
    if any(character in name for character in "/\\#?") or name.endswith(" "):
        raise bad_request("The id contains one of / \\ # ?, or ends with a space")
    return name


def _check_definition(body: dict[str, Any]) -> None:
    key: Any = body.get("partitionKey")
    paths = key.get("paths") if isinstance(key, dict) else None
    if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
        raise bad_request("A container needs a partitionKey with paths")
    _check_key_kind(key.get("kind", "Hash"), key.get("version", 1), paths)
    for name in _REFUSED_PROPERTIES:
        if any((body.get(name) or {}).values()):
            raise bad_request(f"This stand-in has no {name}")
    check_default_ttl(body.get("defaultTtl"))


def _check_key_kind(kind: str, version: int, paths: list[str]) -> None:
    if _KEY_PATHS_MAX.get(kind, 0) < len(paths) or not paths:
        raise bad_request("A partition key of kind Hash has one path, one of kind MultiHash up to three")
    if version not in (1, 2) or not all(path.startswith("/") for path in paths):
        raise bad_request("The partition key's version is 1 or 2, and its paths start with /")
    if kind == "MultiHash" and version != 2:
        raise bad_request("A hierarchical partition key has version 2")
