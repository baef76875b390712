"""Half a character in one string hides nothing: what else the file says stands, and the file is judged by it."""

import json
from pathlib import Path

import pytest

import modelairlock
from tests.build import pickle_builder as p
from tests.build import zip_builder as z

_LAMBDA = {
    "class_name": "Lambda",
    "config": {"name": "\ud800", "function_type": "lambda", "function": ["4wAA", None, None]},
}
_FILES = {
    "argument.pkl": p.whole(p.call(p.global_("os", "system"), "true # \udc80")),
    "name.pkl": p.whole(p.call(p.global_("os", "system"), "true") + p.POP + p.global_("o\ud800", "x")),
    "config.json": json.dumps({"auto_map": {"AutoModel": "modeling_x.X\ud800"}}).encode(),
    "keras/config.json": json.dumps({"class_name": "Sequential", "config": {"layers": [_LAMBDA]}}).encode(),
    "source.py": b'import os\nos.system("id")\nopen("\\ud800")\n',
    "template.jinja": b"{{ ''.__class__.__init__.__globals__['\\ud800'] }}",
    "archive.zip": z.zip_file(z.Entry("a.pkl", p.whole(p.call(p.global_("os", "system"), "true # \ud800")))),
}


@pytest.mark.parametrize("name", _FILES)
def test_the_file_is_flagged(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(_FILES[name])
    record = modelairlock.scan(path, cache=False)
    text = repr(record)
    assert record.verdict.value == "flagged", text
    assert "reader_failed" not in text
