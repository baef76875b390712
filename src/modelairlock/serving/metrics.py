"""Counts of what was served, in the text format of Prometheus (version 0.0.4).

All of it is counted by the one thread that answers. Labels come from fixed lists, or are names of system calls that our
own table has: nothing that a client or a model says becomes a label.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

#: upper bounds of the histogram, in seconds
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_HELP = {
    "airlock_requests_total": ("counter", "Requests that were answered, by status of HTTP."),
    "airlock_errors_total": ("counter", "Requests that were turned away or had no result, by reason."),
    "airlock_inference_seconds": ("histogram", "From the end of a request for inference to its result, waiting too."),
    "airlock_waiting": ("gauge", "Requests that wait for a worker."),
    "airlock_running": ("gauge", "Requests that a worker computes."),
    "airlock_workers": ("gauge", "Jailed workers there are."),
    "airlock_ready": ("gauge", "1 if the model can be asked."),
    "airlock_worker_restarts_total": ("counter", "Times that a jailed worker was started anew."),
    "airlock_violations_total": ("counter", "System calls that the model tried and was denied, by name."),
}

Sample = tuple[str, dict[str, str], float]


class Metrics:
    """What this process counts by itself."""

    def __init__(self) -> None:
        self.requests: Counter[int] = Counter()
        self.errors: Counter[str] = Counter()
        self._buckets = [0] * len(BUCKETS)
        self._count = 0
        self._seconds = 0.0

    def took(self, seconds: float) -> None:
        """A request for inference was answered after so long."""
        self._count += 1
        self._seconds += seconds
        for at, bound in enumerate(BUCKETS):
            if seconds <= bound:
                self._buckets[at] += 1

    def text(self, more: Iterable[Sample]) -> str:
        """All counts, and those that the caller knows."""
        samples: dict[str, list[Sample]] = {name: [] for name in _HELP}
        for sample in (*self._own(), *more):
            samples[_family(sample[0])].append(sample)
        lines = []
        for name, (kind, told) in _HELP.items():
            lines += [f"# HELP {name} {told}", f"# TYPE {name} {kind}"]
            lines += [f"{full}{_labels(labels)} {value}" for full, labels, value in samples[name]]
        return "\n".join(lines) + "\n"

    def _own(self) -> Iterator[Sample]:
        for status, count in sorted(self.requests.items()):
            yield "airlock_requests_total", {"status": str(status)}, count
        for kind, count in sorted(self.errors.items()):
            yield "airlock_errors_total", {"reason": kind}, count
        name = "airlock_inference_seconds"
        for bound, count in zip(BUCKETS, self._buckets, strict=True):
            yield f"{name}_bucket", {"le": f"{bound:g}"}, count
        yield f"{name}_bucket", {"le": "+Inf"}, self._count
        yield f"{name}_sum", {}, self._seconds
        yield f"{name}_count", {}, self._count


def _family(name: str) -> str:
    for end in ("_bucket", "_sum", "_count"):
        if name.removesuffix(end) in _HELP:
            return name.removesuffix(end)
    return name


def _labels(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    escaped = {
        name: value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n") for name, value in labels.items()
    }
    return "{" + ",".join(f'{name}="{value}"' for name, value in escaped.items()) + "}"
