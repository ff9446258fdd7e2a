"""Turns: whose call is next. Changes go before rows, because lag is what the gate waits for.

Every fourth turn is the rows' even so: a delta that never pauses must not keep a backfill from ending,
because the source forgets while it waits.
"""

from __future__ import annotations

import asyncio
from collections import deque

from replicator.engine.lanes import Slot

PATIENT_TURN = 4
"""Each so manieth turn belongs to the patient, if there are any."""


class Turns:
    """Slots with work, in two queues."""

    def __init__(self) -> None:
        self._urgent: deque[Slot] = deque()
        self._patient: deque[Slot] = deque()
        self._offered = asyncio.Semaphore(0)
        self._turn = 0

    def offer(self, slot: Slot, *, urgent: bool) -> None:
        """A slot has work."""
        (self._urgent if urgent else self._patient).append(slot)
        self._offered.release()

    async def take(self) -> Slot:
        """Wait for the slot whose turn it is. Cancelling takes nothing."""
        await self._offered.acquire()
        self._turn += 1
        patient_first = not self._turn % PATIENT_TURN
        first, second = (self._patient, self._urgent) if patient_first else (self._urgent, self._patient)
        return (first or second).popleft()
