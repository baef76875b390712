"""What a jailed load did, as far as it was seen from outside.

Nothing here says "safe". `Outcome.COMPLETED` means that the loader came back and that nothing it was not allowed to do
was seen on the way: a payload that sleeps, or waits for a certain day, completes as well.
Events were seen by the parent and decide; claims were said by the jailed process, which hostile code can take over.
"""

from enum import StrEnum

import msgspec

from modelairlock.records.isolation import LAYERS, Layer, Level

#: a layer that no level needs: the kernel counts the memory of all processes together where it lets us have that
CGROUP = "cgroup"
JAIL_LAYERS = (*LAYERS, CGROUP)


class Outcome(StrEnum):
    """How a run in the jail ended."""

    COMPLETED = "completed"
    COMPLETED_WITH_VIOLATIONS = "completed_with_violations"
    BLOCKED_CRASH = "blocked_crash"
    LIMIT_MEMORY = "limit:memory"
    LIMIT_CPU = "limit:cpu"
    LIMIT_WALL = "limit:wall"
    LIMIT_OUTPUT = "limit:output"
    LIMIT_FORKS = "limit:forks"
    LIMIT_FILES = "limit:files"
    PROTOCOL_VIOLATION = "protocol_violation"
    LOADER_ERROR = "loader_error"
    ISOLATION_UNAVAILABLE = "isolation_unavailable"
    ISOLATION_LOST = "isolation_lost"

    @property
    def opened(self) -> bool:
        """Whether the model was handed over at all."""
        return self not in {Outcome.ISOLATION_UNAVAILABLE, Outcome.ISOLATION_LOST}


class Certainty(StrEnum):
    """DENIED: it had no effect, for certain. OBSERVED: it went on, and what it named may have changed meanwhile."""

    DENIED = "denied"
    OBSERVED = "observed"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One system call that was not allowed for the asking.

    `at_seconds` counts from the moment the model was handed over. `arguments` are read from the caller's memory, with
    everything but plain printing characters escaped. `action` is what was answered: the name of an errno, ``allowed``,
    or ``decoy`` where a success was pretended.
    """

    seq: int
    at_seconds: float
    phase: str
    thread: int
    syscall: str
    arguments: tuple[str, ...]
    action: str
    certainty: Certainty


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Something the jailed process says of itself: an audit event of Python's. It can be forged and left out."""

    phase: str
    event: str
    arguments: tuple[str, ...] = ()


class JailLayer(Layer, frozen=True, kw_only=True):
    """A layer, and who saw that it holds: the parent, or the worker while it was still honest."""

    verified: str = ""


class JailPhase(msgspec.Struct, frozen=True, kw_only=True):
    """What one phase took: wall and processor seconds, and the most memory of all its processes together.

    When the load ended is the worker's claim, and so is its `note` on what it did; the sums are not.
    """

    name: str
    seconds: float
    cpu_seconds: float
    memory_bytes: int
    note: str = ""


class JailLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What a run may use up. Memory and processor time count from the end of the imports."""

    import_seconds: float = 120.0
    wall_seconds: float = 60.0
    cpu_seconds: int = 60
    memory_bytes: int = 4 * 1024**3
    output_bytes: int = 1024**2
    kept_output_bytes: int = 16 * 1024
    events: int = 500
    claims: int = 500
    #: processes that may be started when it is watched what they are after (``detonate``)
    forks: int = 16
    threads: int = 64
    files: int = 64


class JailResult(msgspec.Struct, frozen=True, kw_only=True):
    """The account of one run. `detail` says in a sentence why it ended as it did, and what to do if that helps."""

    level: Level
    layers: tuple[JailLayer, ...]
    outcome: Outcome
    events: tuple[Event, ...] = ()
    #: events that were seen and refused or let go on as those kept, but are not kept
    dropped: int = 0
    claims: tuple[Claim, ...] = ()
    dropped_claims: int = 0
    phases: tuple[JailPhase, ...] = ()
    output: str = ""
    detail: str = ""
