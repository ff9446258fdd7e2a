"""Clients of AWS for what reads and sets up the ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3


def client(service: str, environment: Mapping[str, str]) -> Any:
    """A client of one service, as the variables of the local clouds want it."""
    return boto3.client(
        service,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
