"""The bounds of a pipeline: everything has a maximum, and this is where it stands."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Limits(BaseModel):
    """Bounds of one pipeline. The defaults suit one container with one core and 256 MB."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_changes_max: int = Field(
        default=100,
        ge=1,
        le=1000,
        description="Most changes in one sink call; the sink's own maximum holds too.",
    )
    changes_in_flight_max: int = Field(
        default=5_000,
        ge=1,
        description="Reading pauses while so many changes are read and not yet durable.",
    )
    bytes_in_flight_max: int = Field(
        default=8_388_608,
        ge=1,
        description="Reading pauses while changes of so many bytes are not yet durable.",
    )
    sink_calls_in_flight_max: int = Field(
        default=32, ge=1, le=512, description="Most sink calls at a time."
    )
    sink_call_seconds_max: float = Field(
        default=10.0,
        gt=0,
        le=600,
        description="A sink call is given up after this many seconds, and none takes effect later than "
        "this after it was given up. A key whose write had an unknown outcome waits as long, and so does "
        "the first write after an unclean stop.",
    )
    lease_seconds: float = Field(
        default=30.0,
        gt=0,
        le=3600,
        description="Where several processes share the state, another one takes a pipeline over when its "
        "holder has not renewed its lease for so long, and writes `sink_call_seconds_max` later. At least "
        "twice that: nothing is sent that the lease might not outlive.",
    )
    backfill_pieces_in_flight_max: int = Field(
        default=4, ge=1, le=256, description="Most pieces of a backfill that are copied at a time."
    )
    list_seconds: float = Field(
        default=900.0,
        gt=0,
        description="Of objects: both sides are listed and compared after so many seconds. A list finds "
        "what no event told, and costs a call per thousand objects at each side.",
    )
    checkpoint_seconds: float = Field(
        default=1.0, gt=0, le=60, description="Positions are saved at most once in so many seconds."
    )
    retry_seconds_min: float = Field(
        default=0.1, gt=0, description="The first wait before a repeated attempt."
    )
    retry_seconds_max: float = Field(
        default=30.0, gt=0, description="The longest wait between two attempts."
    )
    stop_seconds_max: float = Field(
        default=20.0, ge=0, description="On a stop, what is under way is given this many seconds to finish."
    )
