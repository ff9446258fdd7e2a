"""What a round of receiving proves. Pure.

A receive call that waits asks all of the queue's servers (SQS developer guide, short and long polling). So
a round that waited and came back *empty* has left nothing that was visible when it began. What a FIFO queue
keeps back, because an earlier message of its group was in hand, shows in a later round: it has been read
once such a round began after those were deleted.

A queue that is never empty never gives this proof, and SQS has no other. There an *estimate* is made, where
rounds have had room left over for ``WINDOW_SECONDS``: their answers come from all servers, and had anything
older been waiting, it would have been among them. The queue then counts as read up to the oldest message
that those rounds brought. SQS does not promise this; it steers, and no mark rests on it.

Neither speaks of what does not show: messages that are delayed, or that others have in hand. After a
start, and after an answer was lost, nothing is claimed until what may be hidden by that would have shown
again. A mark asks for more, see ``Marks``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

WINDOW_SECONDS = 2.0
WINDOW_ROUNDS_MIN = 5
DELAY_SECONDS_MAX = 900.0
"""The longest that SQS delays a message (SQS API reference, SendMessage)."""
MARKS_MAX = 1000


class Counts(NamedTuple):
    """How many messages show, are in flight with anybody, and are delayed.

    Approximate, and perhaps a minute old (SQS API reference, GetQueueAttributes).
    """

    visible: int
    in_flight: int
    delayed: int


def counts_of(attributes: Mapping[str, str]) -> Counts:
    """The counts among a queue's attributes."""
    name = "ApproximateNumberOfMessages"
    return Counts(*(int(attributes.get(name + which, 0)) for which in ("", "NotVisible", "Delayed")))


class Freshness:
    """Up to which moment the queue has been read.

    For ``hidden_seconds`` after the first round nothing is proved: a process that was killed before may
    have had messages in hand, which show again only then. ``delay_seconds`` is the queue's own: what was
    sent later than so long ago may not show yet.
    """

    def __init__(self, *, fifo: bool, hidden_seconds: float = 0.0, delay_seconds: float = 0.0) -> None:
        self._fifo = fifo
        self._hidden_seconds = hidden_seconds
        self._delay_seconds = delay_seconds
        self._is_first = True
        self._candidate: tuple[float, int] | None = None
        self._began = 0.0
        self._position = 0
        self._is_free = False
        self._is_candidate_free = False
        self._is_doubtful = False
        self._in_doubt_until = float("-inf")
        self._window: deque[tuple[float, float]] = deque()
        self.is_exact = False

    def doubt(self, until: float) -> None:
        """Until this moment on the monotonic clock, messages may be hidden that nobody knows of."""
        self._in_doubt_until = max(self._in_doubt_until, until)
        self.interrupt()
        self._candidate = None

    def interrupt(self) -> None:
        """A round was full: more may be waiting."""
        self._window.clear()

    def begin(
        self, began: float, monotonic: float, position: int, is_free_of: Callable[[int], bool]
    ) -> None:
        """A round begins at this moment, when everything up to ``position`` has been given out.

        Args:
            began: in seconds since the epoch.
            monotonic: the same moment on the monotonic clock.
            position: the last one.
            is_free_of: tells whether nothing that was given out up to a position is in hand now.
        """
        if self._is_first:
            self._is_first = False
            self.doubt(monotonic + self._hidden_seconds)
        self._began, self._position = began - self._delay_seconds, position
        self._is_free = not self._fifo or is_free_of(position)
        self._is_candidate_free = self._candidate is not None and is_free_of(self._candidate[1])
        self._is_doubtful = monotonic < self._in_doubt_until

    def end(self, sent_at: Sequence[float] = ()) -> float | None:
        """The round waited, and was not full: up to which moment everything has been delivered, or None.

        ``sent_at`` tells when its messages were sent. Afterwards ``is_exact`` says whether the answer rests
        on an empty round alone, with nothing in hand that a FIFO queue would keep others back for.
        """
        moment = self._moment(sent_at)
        self.is_exact = self._is_free and not sent_at and not self._is_doubtful
        if moment is None or self._is_doubtful:
            return None
        if self._is_free:
            self._candidate = None
            return moment
        proved, candidate = None, self._candidate
        if candidate is not None and self._is_candidate_free:
            proved, candidate = candidate[0], None
        self._candidate = candidate or (moment, self._position)
        return proved

    def _moment(self, sent_at: Sequence[float]) -> float | None:
        """What the round shows of everything that was not kept back."""
        if not sent_at:
            self.interrupt()
            return self._began
        window, edge = self._window, self._began - WINDOW_SECONDS
        window.append((self._began, min(self._began, *sent_at)))
        while len(window) > WINDOW_ROUNDS_MIN and window[1][0] <= edge:
            window.popleft()
        if len(window) < WINDOW_ROUNDS_MIN or window[0][0] > edge:
            return None
        return min(oldest for _, oldest in window)


class Marks:
    """End messages that were asked for, and whether they have come out.

    No queue of SQS keeps an order between groups, and a standard one keeps none at all. So an end message
    that has come out proves what it is for only once a round that began after it was sent has come back
    empty, and the queue's counts then say that nothing shows, nothing is delayed, and nothing is in flight
    but what is in hand here. Under constant traffic there is no such moment, and a mark never comes.
    Because the counts may be a minute old, a mark may be late; and what another consumer took in that
    minute and gives back later is not known of.
    """

    def __init__(self) -> None:
        self._sent: dict[str, float] = {}
        self._seen: set[str] = set()

    def __len__(self) -> int:
        return len(self._sent)

    def add(self, name: str, sent_at: float) -> None:
        """An end message was sent before this moment, in seconds since the epoch."""
        self._sent[name] = sent_at
        while len(self._sent) > MARKS_MAX:
            lost = next(iter(self._sent))
            del self._sent[lost]
            self._seen.discard(lost)

    def is_ours(self, name: str) -> bool:
        """Whether it was sent from here, and has not been proved yet."""
        return name in self._sent

    def see(self, name: str) -> None:
        """It has come out. One of an earlier process is nobody's any more."""
        if name in self._sent:
            self._seen.add(name)

    def may_be_proved(self, read_to: float) -> bool:
        """Whether any would be proved if the counts bear it out."""
        return any(self._sent[name] <= read_to for name in self._seen)

    def take_proved(self, read_to: float) -> tuple[str, ...]:
        """Those that have come out, now that everything sent before this moment was delivered."""
        proved = tuple(name for name in self._seen if self._sent[name] <= read_to)
        for name in proved:
            self._seen.discard(name)
            del self._sent[name]
        return proved


def bears_out(counts: Counts, in_hand: int) -> bool:
    """Whether the counts agree that all there is in the queue is in hand here.

    ``in_hand`` is the least that certainly was, while they were taken.
    """
    return not counts.visible and not counts.delayed and counts.in_flight <= in_hand
