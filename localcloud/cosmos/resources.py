"""Calls on everything but items: account, databases, containers, physical ranges, throughput."""

from collections.abc import Callable
from typing import Any

import orjson

from localcloud.cosmos.account import Account, Database
from localcloud.cosmos.container import Container
from localcloud.cosmos.errors import bad_request
from localcloud.cosmos.exchange import Call, Reply, feed_reply, json_reply
from localcloud.cosmos.payload import parse
from localcloud.cosmos.query.select import evaluate
from localcloud.cosmos.query.sql import parse_request
from localcloud.cosmos.ranges import PhysicalRange

Handler = Callable[[Account, Call, str], Reply]


def _account_read(_account: Account, _call: Call, endpoint: str) -> Reply:
    location = {"name": "Local", "databaseAccountEndpoint": endpoint}
    properties = {
        "_self": "",
        "id": "localcloud",
        "_rid": "localcloud",
        "media": "//media/",
        "addresses": "//addresses/",
        "_dbs": "//dbs/",
        "writableLocations": [location],
        "readableLocations": [location],
        "enableMultipleWriteLocations": False,
        "userReplicationPolicy": {"minReplicaSetSize": 1, "maxReplicasetSize": 4},
        "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
        "systemReplicationPolicy": {"minReplicaSetSize": 1, "maxReplicasetSize": 4},
        "readPolicy": {"primaryReadCoefficient": 1, "secondaryReadCoefficient": 1},
    }
    return json_reply(200, properties)


def _dbs_list(account: Account, _call: Call, _endpoint: str) -> Reply:
    return feed_reply("", "Databases", [item.properties for item in account.databases.values()])


def _dbs_create(account: Account, call: Call, _endpoint: str) -> Reply:
    database = account.create_database(parse(call.body))
    _provision(account, database, call)
    return json_reply(201, database.properties)


def _dbs_read(account: Account, call: Call, _endpoint: str) -> Reply:
    return json_reply(200, account.database(*call.address.names).properties)


def _dbs_delete(account: Account, call: Call, _endpoint: str) -> Reply:
    account.delete_database(*call.address.names)
    return Reply(204, charge=1.0)


def _dbs_query(account: Account, call: Call, _endpoint: str) -> Reply:
    return _queried("Databases", account.databases.values(), call)


def _colls_list(account: Account, call: Call, _endpoint: str) -> Reply:
    database = account.database(*call.address.names)
    properties: list[object] = [item.properties for item in database.containers.values()]
    return feed_reply(database.properties["_rid"], "DocumentCollections", properties)


def _colls_create(account: Account, call: Call, _endpoint: str) -> Reply:
    container = account.create_container(call.address.names[0], parse(call.body))
    _provision(account, container, call)
    return json_reply(201, container.properties)


def _colls_read(account: Account, call: Call, _endpoint: str) -> Reply:
    database, name = call.address.names
    reply = json_reply(200, account.existing_container(database, name).properties)
    reply.headers["x-ms-alt-content-path"] = f"dbs/{database}"
    return reply


def _colls_replace(account: Account, call: Call, _endpoint: str) -> Reply:
    database, name = call.address.names
    return json_reply(200, account.replace_container(database, name, parse(call.body)).properties)


def _colls_delete(account: Account, call: Call, _endpoint: str) -> Reply:
    account.delete_container(*call.address.names)
    return Reply(204, charge=1.0)


def _colls_query(account: Account, call: Call, _endpoint: str) -> Reply:
    containers = account.database(*call.address.names).containers.values()
    return _queried("DocumentCollections", containers, call)


def _pkranges_list(account: Account, call: Call, _endpoint: str) -> Reply:
    """Answer with all ranges, or with those that came since the caller's ETag; 304 where none did."""
    container = account.container(*call.address.names)
    known = call.headers.get("if-none-match", "").strip('"')
    since = int(known) if known.isdecimal() else 0
    etag = _ranges_etag(container.ranges_version)
    if since == container.ranges_version:
        return Reply(304, headers={"etag": etag})
    newer = [physical for physical in container.ranges if physical.version > since]
    properties = [_range_properties(container, physical) for physical in newer]
    reply = feed_reply(container.properties["_rid"], "PartitionKeyRanges", properties)
    reply.headers["etag"] = etag
    return reply


def _ranges_etag(version: int) -> str:
    return f'"{version}"'


def _range_properties(container: Container, physical: PhysicalRange) -> object:
    return {
        "_rid": container.properties["_rid"],
        "id": physical.identifier,
        "_etag": _ranges_etag(physical.version),
        "minInclusive": container.epk_text(physical.lower),
        "maxExclusive": container.epk_text(physical.upper),
        "ridPrefix": int(physical.identifier),
        "_self": f"{container.link}pkranges/{physical.identifier}/",
        "throughputFraction": 1 / len(container.ranges),
        "status": "online",
        "parents": list(physical.parents),
        "_ts": container.properties["_ts"],
        "_lsn": physical.lsn,
    }


def _offers_list(account: Account, _call: Call, _endpoint: str) -> Reply:
    return feed_reply("", "Offers", list(account.offers.values()))


def _offers_query(account: Account, call: Call, _endpoint: str) -> Reply:
    """Answer with the throughput asked for; without any the account is like a serverless one."""
    offers = evaluate(parse_request(call.body), list(account.offers.values()))
    if not offers:
        raise bad_request("Reading or replacing offers is not supported for serverless accounts")
    return feed_reply("", "Offers", offers)


def _offers_read(account: Account, call: Call, _endpoint: str) -> Reply:
    return json_reply(200, account.offer(*call.address.names))


def _offers_replace(account: Account, call: Call, _endpoint: str) -> Reply:
    return json_reply(200, account.replace_offer(call.address.names[0], parse(call.body)))


def _queried(name: str, owners: Any, call: Call) -> Reply:
    query = parse_request(call.body)
    return feed_reply("", name, evaluate(query, [owner.properties for owner in owners]))


def _provision(account: Account, owner: Database | Container, call: Call) -> None:
    """Give a new database or container the throughput that its creation asks for, if any."""
    text = call.headers.get("x-ms-offer-throughput")
    autoscale = call.headers.get("x-ms-cosmos-offer-autopilot-settings")
    try:
        if autoscale is not None:
            account.provision(owner, int(orjson.loads(autoscale)["maxThroughput"]))
        elif text is not None:
            account.provision(owner, int(text))
    except (ValueError, KeyError, TypeError):
        raise bad_request("The throughput has to be a number of request units") from None


HANDLERS: dict[str, Handler] = {
    "account_read": _account_read,
    "dbs_list": _dbs_list,
    "dbs_create": _dbs_create,
    "dbs_read": _dbs_read,
    "dbs_delete": _dbs_delete,
    "dbs_query": _dbs_query,
    "colls_list": _colls_list,
    "colls_create": _colls_create,
    "colls_read": _colls_read,
    "colls_replace": _colls_replace,
    "colls_delete": _colls_delete,
    "colls_query": _colls_query,
    "pkranges_list": _pkranges_list,
    "offers_list": _offers_list,
    "offers_query": _offers_query,
    "offers_read": _offers_read,
    "offers_replace": _offers_replace,
}
