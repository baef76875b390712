"""Counts as Prometheus reads them."""

import re

import pytest

pytest.importorskip("uvicorn")
from modelairlock.serving.metrics import Metrics

#: https://prometheus.io/docs/instrumenting/exposition_formats/
LINE = re.compile(r'[a-z_]+(\{([a-z]+="(\\["\\n]|[^"\\\n])*",?)*\})? [0-9.e+-]+')


def test_every_line_is_one_that_is_read() -> None:
    metrics = Metrics()
    metrics.requests[200] += 3
    metrics.requests[503] += 1_234_567
    metrics.errors["busy"] += 1
    for seconds in (0.0004, 0.003, 70.0):
        metrics.took(seconds)
    lines = metrics.text(
        [("airlock_violations_total", {"syscall": 'a"b\\c\nd'}, 2), ("airlock_ready", {}, 1)]
    ).splitlines()
    for line in lines:
        assert line.startswith("# ") or LINE.fullmatch(line), line
    assert 'airlock_requests_total{status="503"} 1234567' in lines, "a rate is a difference of counts"
    assert 'airlock_violations_total{syscall="a\\"b\\\\c\\nd"} 2' in lines
    assert 'airlock_inference_seconds_bucket{le="0.001"} 1' in lines
    assert 'airlock_inference_seconds_bucket{le="60"} 2' in lines
    assert 'airlock_inference_seconds_bucket{le="+Inf"} 3' in lines
    assert "airlock_inference_seconds_count 3" in lines
    assert lines.index("# TYPE airlock_inference_seconds histogram") < lines.index("airlock_inference_seconds_count 3")
