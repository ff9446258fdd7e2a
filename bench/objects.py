"""Backfill of objects against each stand-in's own ceiling, and beside rclone, on the same bucket."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.buckets import Bucket, Buckets, pipeline_of
from bench.figures import Ratio, Run, run_program
from bench.rclone import find_rclone, run_rclone
from bench.service import serving
from bench.stage import Stage

_MEBIBYTE = 2**20


@dataclass(frozen=True)
class Size:
    """Objects of one size; large ones are counted by their MB."""

    name: str
    objects: int
    object_bytes: int

    def of(self, objects: int) -> Size:
        """So many of the same size."""
        return replace(self, objects=objects)

    @property
    def items(self) -> int:
        """What rates count."""
        large = self.object_bytes >= _MEBIBYTE
        return self.objects * self.object_bytes // _MEBIBYTE if large else self.objects


SMALL = Size("objects of 4 KB", 4_000, 4096)
LARGE = Size("MB of 64 MB objects", 6, 64 * _MEBIBYTE)


async def measure_objects(buckets: Buckets, size: Size, repetitions: int) -> list[Ratio]:
    """All take turns at the same bucket, each time into an empty container; the sink's ceiling last."""
    stage = buckets.stage
    bucket = await buckets.create_bucket(size.objects, size.object_bytes)
    program = find_rclone()
    runs: dict[str, list[Run]] = {"GETs": [], "PUTs": [], "copies": [], "rclone": [], "service": []}
    for _ in range(repetitions):
        runs["GETs"].append(await _bare("get", [bucket.name], bucket, stage))
        for name in ("PUTs", "copies", "rclone", "service"):
            container = buckets.create_container()
            if name == "PUTs":
                runs[name].append(await _bare("put", [container], bucket, stage))
            elif name == "copies":
                runs[name].append(await _bare("copy", [bucket.name, container], bucket, stage))
            elif name == "service":
                runs[name].append(await _serve(stage, bucket, container, size.items))
            elif program is not None:
                runs[name].append(await run_rclone(stage, program, bucket.name, container, size.items))
            buckets.delete_container(container)
    buckets.drop_bucket(bucket)
    others = [name for name in runs if name != "service" and runs[name]]
    return [Ratio(f"{size.name}, {name}", runs[name], runs["service"]) for name in others]


async def _bare(what: str, places: list[str], bucket: Bucket, stage: Stage) -> Run:
    count, size = str(bucket.objects), str(bucket.object_bytes)
    return await run_program(stage, "bench.bare_objects", what, *places, count, size)


async def _serve(stage: Stage, bucket: Bucket, container: str, items: int) -> Run:
    async with serving(stage, container, pipeline_of(bucket, container)) as service:
        return await service.copied("row", bucket.objects, items)
