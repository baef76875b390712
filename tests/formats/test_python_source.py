"""Python source: which calls happen on import, whatever they are called, and that it always stays a gap."""

import time

import pytest

from modelairlock.formats import script
from modelairlock.formats.python_source import FORMAT, MARKS, SOURCE_BYTES
from modelairlock.records.coverage import Because
from modelairlock.records.facts import SourceUse, Value
from modelairlock.records.wording import use_in_words
from tests.build.repositories import MODELING
from tests.formats.everyday_help import because, claims, cuts, irregular, read

NAME = "modeling.py"


def example() -> bytes:
    return MODELING


def uses(source: str | bytes) -> list[SourceUse]:
    data = source.encode() if isinstance(source, str) else source
    return [fact for fact in read(data, FORMAT, name=NAME).facts if isinstance(fact, SourceUse)]


def calls(source: str | bytes, *, at_import: bool = True) -> list[str]:
    """The calls that are told, as a person reads them."""
    return [use_in_words(use) for use in uses(source) if use.kind == "call" and use.at_import is at_import]


def test_it_is_read_and_stays_a_gap() -> None:
    reading = read(MODELING, FORMAT, script.FORMAT, name=NAME)
    assert reading.formats == ("python_source",)
    assert because(reading) == {Because.UNSUPPORTED}
    names = {(use.kind, use.name, use.at_import) for use in reading.facts if isinstance(use, SourceUse)}
    assert ("import", "torch", True) in names
    assert ("import", ".configuration_own", True) in names
    assert ("call", "transformers.AutoConfig.register", True) in names
    assert ("call", "torch.cat", False) in names
    assert ("call", "torch.cat", True) not in names


#: what is written, and what of it is surely called when the file is imported
REACHED = {
    "import os\nos.system('x')": "os.system('x')",
    "import os as o\no.system('x')": "os.system('x')",
    "from os import system as s\ns('x')": "os.system('x')",
    "from os import *\nsystem('x')": "os.system('x')",
    "import os\ns = os.system\ns('x')": "os.system('x')",
    "import os\na, b = os.system, 1\na('x')": "os.system('x')",
    "import os\n(s := os.system)('x')": "os.system('x')",
    "import os\nfor f in [os.system]: f('x')": "os.system('x')",
    "__import__('os').system('x')": "os.system('x')",
    "n = 'os'\n__import__(n).system('x')": "os.system('x')",
    "import importlib\nimportlib.import_module('o' + 's').system('x')": "os.system('x')",
    "__import__('so'[::-1]).system('x')": "os.system('x')",
    "__import__(chr(111) + 's').system('x')": "os.system('x')",
    "__import__(''.join(['o', 's'])).system('x')": "os.system('x')",
    "import os\ngetattr(os, f'sys{\"tem\"}')('x')": "os.system('x')",
    "import os\nvars(os)['system']('x')": "os.system('x')",
    "import os\nos.__dict__['system']('x')": "os.system('x')",
    "import os\nglobals()['os'].system('x')": "os.system('x')",
    "import sys\nsys.modules['os'].system('x')": "os.system('x')",
    "__builtins__.eval('x')": "builtins.eval('x')",
    "__builtins__['eval']('x')": "builtins.eval('x')",
    "import functools, os\nfunctools.partial(os.system, 'x')()": "os.system()",
    "import os\nlist(map(os.system, ['x']))": "os.system()",
    "import os, threading\nthreading.Thread(target=os.system, args=('x',)).start()": "os.system()",
    "import subprocess\nsubprocess.run(args=['x'], check=True)": "subprocess.run(['x'])",
    "import os\nclass A:\n    x = os.system('x')": "os.system('x')",
    "import os\nclass A:\n    def f(self, x=os.system('x')): pass": "os.system('x')",
    "import os\n@os.system\ndef f(): pass": "os.system()",
    "import os\ndef f(x: os.system('x')): pass": "os.system('x')",
    "import os\n(lambda: os.system('x'))()": "os.system('x')",
    "import os\nx = [os.system('x') for _ in 'a']": "os.system('x')",
    "import os\ntry:\n    pass\nfinally:\n    os.system('x')": "os.system('x')",
    "import os\nif __name__ != '__main__':\n    os.system('x')": "os.system('x')",
    "import os\nif __name__ == '__main__':\n    pass\nelse:\n    os.system('x')": "os.system('x')",
    "import os\ndef f(): os.system('x')\nf()": "os.system('x')",
    "import os\ndef f(): os.system('x')\ndef g(): f()\ng()": "os.system('x')",
    "import os\ndef f(): os.system('x')\n@f\ndef g(): pass": "os.system('x')",
    "import os\ndef f(g): os.system('x')\nsorted([1], key=f)": "os.system('x')",
    "import os\nclass A:\n    def __init__(self): os.system('x')\nA()": "os.system('x')",
    "import os\nclass A:\n    def run(self): os.system('x')\nA().run()": "os.system('x')",
    "import os\nclass A:\n    def __init_subclass__(cls): os.system('x')\nclass B(A): pass": "os.system('x')",
    "import os\nclass M(type):\n    def __new__(c, *a): os.system('x')\nclass B(metaclass=M): pass": "os.system('x')",
    "import os\ndef __getattr__(name): os.system('x')": "os.system('x')",
    "import os\nmap(os.system, ['x'])": "os.system()",
    "import os, typing\ntyping.cast(object, os.system)('x')": "os.system()",
    "import os\ndef isinstance(f, *a): f(*a)\nisinstance(os.system, 'x')": "os.system()",
    "import os\nif x: callable = map\ncallable(os.system, ['x'])": "os.system()",
    "# coding: latin-1\nimport os\nos.system('x')  # \xe9": "os.system('x')",
}


@pytest.mark.parametrize("source", REACHED)
def test_what_runs_on_import_is_told_by_its_real_name(source: str) -> None:
    data = source.encode("latin-1")
    assert REACHED[source] in calls(data), calls(data)


@pytest.mark.parametrize(
    "source",
    [
        "import os\ndef f(): os.system('x')",
        "import os\nasync def f(): os.system('x')",
        "import os\nclass A:\n    def f(self): os.system('x')",
        "import os\nif __name__ == '__main__':\n    os.system('x')",
        "import os\nif '__main__' == __name__:\n    os.system('x')",
    ],
)
def test_what_waits_for_somebody_to_call_it_is_told_as_that(source: str) -> None:
    assert "os.system('x')" in calls(source, at_import=False)
    assert "os.system('x')" not in calls(source)


@pytest.mark.parametrize(
    "source",
    [
        "def f(os): os.system('x')",
        "class os:\n    def system(self): pass\nos.system('x')",
        "def eval(x): pass\neval('x')",
        "model.eval()",
        "from .os import system\nsystem('x')",
        "import os\nisinstance(1, os.system)\nhasattr(os.system, 'x')\ncallable(os.system)",
        "import functools, os\n@functools.wraps(os.system)\ndef f(x): pass",
        "import os\nfrom inspect import signature\nsignature(os.system)",
    ],
)
def test_what_only_sounds_like_it_is_not_taken_for_it(source: str) -> None:
    assert not {"os.system('x')", "os.system()", "builtins.eval('x')", "builtins.eval()"} & {
        *calls(source),
        *calls(source, at_import=False),
    }


def test_what_it_is_handed_is_told_as_far_as_it_is_constant() -> None:
    source = "import base64\nexec(base64.b64decode(b'eA=='), {1: 2})\nopen('a' + 'b', x)"
    first, second = (use for use in uses(source) if use.name in ("builtins.exec", "builtins.open"))
    assert use_in_words(first) == "builtins.exec(base64.b64decode(b'eA=='), <unknown>)"
    assert second.arguments == (Value(kind="str", text="ab"), Value(kind="unknown"))


def test_a_call_says_where_it_stands() -> None:
    for prefix in (b"", b"\xef\xbb\xbf", "# é\r\n".encode(), "é = 1; ".encode()):
        source = prefix + b"import os\r\nx = 'y'\rif x: os.system('x')\n"
        [use] = [use for use in uses(source) if use.name == "os.system"]
        assert source[use.span.start : use.span.end] == b"os.system('x')"


def test_calls_alike_are_told_once_and_counted() -> None:
    [use] = [use for use in uses("import os\n" + "os.system('x')\n" * 9) if use.kind == "call"]
    assert use.count == 9


@pytest.mark.parametrize(
    ("data", "name", "claimed"),
    [(b"x = 1\n", "a.py", True), (b"x = 1\n", "a.PY", True), (b"x = 1\n", "a.pyi", True), (b"x = 1\n", "a.txt", False),
     (b"#!/usr/bin/env python3\n", "run", True), (b"#!/bin/sh\n", "run", False), (b"#!/bin/sh\n", "run.py", True),
     (b"\x80\x04N.", "a.py", False), (b"", "a.py", False), (b"\0", "a.py", False),
     (b"class A(Module):\n  __parameters__ = []\n", "m/code/__torch__/a.py", True),
     (b"class A(Module):\n  __parameters__ = []\n", "modeling.py", True)],
)  # fmt: skip
def test_claims(data: bytes, name: str, claimed: bool) -> None:
    assert claims(FORMAT, data, name) is claimed


@pytest.mark.parametrize("coding", ["utf-7", "unicode_escape", "rot13", "idna", "punycode", "mbcs", "nobody-knows"])
def test_a_codec_that_hides_code_is_told_and_nothing_is_decoded(coding: str) -> None:
    for first in (b"", b"#!/usr/bin/python\n"):
        reading = read(first + b"# -*- coding: %s -*-\n" % coding.encode(), FORMAT, name=NAME)
        assert irregular(reading) == ["source-codec-odd"]
        assert because(reading) == {Because.MALFORMED}


@pytest.mark.parametrize(
    "coding", ["utf-8", "UTF8", "utf-8-unix", "ascii", "cp1252", "iso-8859-15", "koi8-r", "latin1"]
)
def test_a_codec_that_hides_nothing_is_read(coding: str) -> None:
    assert calls(f"# vim: set fileencoding={coding} :\nimport os\nos.system('x')\n") == ["os.system('x')"]


def test_a_codec_of_the_east_is_a_gap_and_no_trick() -> None:
    reading = read(b"# coding: gbk\nx = 1\n", FORMAT, name=NAME)
    assert because(reading) == {Because.UNSUPPORTED}
    assert not irregular(reading)


_TWICE = "".join(f"b{at + 1} = b{at} + b{at}\n" for at in range(60))
HOSTILE = {
    "minus": "-" * 100_000 + "1",
    "not": "not " * 50_000 + "1",
    "plus": "a" + "+a" * 50_000,
    "attribute": "a" + ".b" * 50_000,
    "call": "a" + "()" * 20_000,
    "index": "a" + "[0]" * 20_000,
    "brackets": "(" * 5_000,
    "lambda": "lambda:" * 9_000 + "1",
    "elif": "if a:\n a\n" + "elif a:\n a\n" * 9_000,
    "power": "a" + "**a" * 20_000,
    "digits": "1" * 100_000,
    "indents": "".join(" " * at + "if a:\n" for at in range(300)),
    "nul": "a\0b",
    "unfinished": "'''",
    "calls": "a(" * 150 + ")" * 150,
    "functions": "".join(" " * at + "def f():\n" for at in range(90)) + " " * 90 + "f()",
    "doubling": "a = 'x' * 9\n" + "a = a + a\n" * 5_000,
    "doubling-names": "import a\n" + "a = a.b\n" * 5_000,
    "doubling-text": f"b0 = 'xxxxxxxxxx'\n{_TWICE}f(b60)",
    "surrogate": "x = '\\ud800'; f(x)",
    "escape": "x = '\\d'",
    "big": "f(" + "9" * 4_000 + ")",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_source_costs_little_and_stays_a_gap(kind: str) -> None:
    began = time.process_time()
    assert read(HOSTILE[kind].encode(), FORMAT, name=NAME).coverage.gaps
    assert time.process_time() - began < 5


def test_limits() -> None:
    assert because(read(b"#" * (SOURCE_BYTES + 1), FORMAT, name=NAME)) == {Because.OVER_LIMIT}
    assert because(read(b"a\n" * (MARKS + 1), FORMAT, name=NAME)) == {Because.OVER_LIMIT}
    many = read(b"".join(b"f.a%d()\n" % at for at in range(9_000)).replace(b"f.", b"f."), FORMAT, name=NAME)
    assert because(many) == {Because.UNSUPPORTED}
    many = read(b"import f\n" + b"".join(b"f.a%d()\n" % at for at in range(9_000)), FORMAT, name=NAME)
    assert Because.OVER_LIMIT in because(many)
    assert len(many.facts) == 4_000


def test_what_runs_on_import_is_told_before_all_else() -> None:
    rest = "".join(f"def g{at}(): f.a{at}()\n" for at in range(6_000))
    assert "os.system('x')" in calls(f"import f, os\n{rest}os.system('x')\n")


def test_damaged_source_stays_a_gap() -> None:
    for cut in cuts(MODELING[:400]):
        assert not cut or read(cut, FORMAT, name=NAME).coverage.gaps
    for at in range(0, len(MODELING), 7):
        for byte in (0, 0xFF, ord("(")):
            changed = MODELING[:at] + bytes([byte]) + MODELING[at + 1 :]
            assert read(changed, FORMAT, script.FORMAT, name=NAME).coverage.gaps
