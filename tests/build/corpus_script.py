"""Programs for TorchScript and torch.export that reach out, hide what they do, or are not what torch writes."""

import json
from collections.abc import Callable

from tests.build import torch_builder as t
from tests.build import zip_builder as z
from tests.build.sample import CANARY, Sample, evil, python, written
from tests.build.zip_builder import Entry

Build = Callable[[str], bytes]


def _body(*lines: str) -> bytes:
    return t.torchscript(t.SCRIPT.replace("return x", "\n    ".join([*lines, "return x"])))


def _at_load(line: str) -> bytes:
    return t.torchscript(
        t.SCRIPT + f"  def __setstate__(self: __torch__.Canary, s: bool) -> NoneType:\n    {line}\n    return None\n"
    )


def _twice(c: str) -> bytes:
    other = t.SCRIPT.replace("return x", f'ops.aten.save(x, "{written(c)}")\n    return x')
    return t.torchscript(t.SCRIPT, None, None, Entry("archive/code/__torch__.py", other.encode()))


def _pt2(*more: Entry, graph: object = None, inputs: bytes = b"") -> bytes:
    return z.zip_file(
        Entry("m/archive_format", b"pt2"),
        Entry("m/models/model.json", json.dumps(graph or {"graph_module": {}}).encode()),
        Entry("m/data/sample_inputs/model.pt", inputs or t.checkpoint()),
        *more,
    )


def _sized(expression: str) -> bytes:
    sizes = [{"as_expr": {"expr_str": expression, "hint": None}}]
    return _pt2(graph={"graph_module": {"graph": {"tensor_values": {"x": {"sizes": sizes}}}}})


def _calling(target: str) -> bytes:
    return _pt2(graph={"graph_module": {"graph": {"nodes": [{"target": target, "inputs": []}]}}})


_ELF = b"\x7fELF\x02\x01\x01" + bytes(57)

#: name: technique, builder, whether a finding is due
_SHAPES: dict[str, tuple[str, Build, bool]] = {
    "save-at-load": ("C10", lambda c: _at_load(f'ops.aten.save(s, "{written(c)}")'), True),
    "from-file-passwd": ("C10", lambda c: _body('_0 = torch.from_file("/etc/passwd", False, 64)'), True),
    "save-as-method": ("C10", lambda c: _body(f'_0 = (x).save("{written(c)}", )'), True),
    "save-of-self": ("C10", lambda c: _body(f'_0 = self.save("{written(c)}")'), True),
    "save-looked-up": ("C10", lambda c: _body("f = x.save", f'_0 = f("{written(c)}")'), True),
    "save-by-getattr": ("C10", lambda c: _body('f = getattr(x, "save")', f'_0 = f("{written(c)}")'), True),
    "save-as-torch": ("C10", lambda c: _body(f'_0 = torch.save(x, "{written(c)}")'), True),
    "save-in-fork": ("C10", lambda c: _body(
        "def __forked_function():", f'  torch.save(x, "{written(c)}")', "  return x", "_0 = fork(__forked_function)"),
        True),
    "unknown-namespace": ("C10", lambda c: _body("_0 = ops.mylib.run(x)"), False),
    "unknown-operator": ("C10", lambda c: _body("_0 = torch.no_such_thing(x)"), False),
    "custom-class": ("C10", lambda c: _body("_0 = unchecked_cast(__torch__.torch.classes.my.Own, x)"), False),
    "alias": ("C10", lambda c: _body("f = ops.aten.save", '_0 = f(x, "/dev/null")'), False),
    "alias-of-torch": ("C10", lambda c: _body("f = torch", '_0 = f.save(x, "/dev/null")'), False),
    "getattr": ("C10", lambda c: _body('_0 = getattr(ops.aten, "save")(x, "/dev/null")'), False),
    "shadowed-ops": ("C10", lambda c: _body("torch = x", "_0 = torch.relu(x)"), False),
    "foreign-form": ("C10", lambda c: _body("_0 = [y for y in x]"), False),
    "import": ("C10", lambda c: t.torchscript("import os\n" + t.SCRIPT), False),
    "nested-brackets": ("C10", lambda c: _body("_0 = " + "(" * 5000 + "x" + ")" * 5000), False),
    "nested-attributes": ("C10", lambda c: _body("_0 = x" + ".a" * 20_000), False),
    "look-alike": ("C10", lambda c: _body("_0 = tоrch.relu(x)"), False),
    "look-alike-of-save": ("C10", lambda c: _body('_0 = torch.ſave(x, "/dev/null")'), False),
    "behind-comment": ("C10", lambda c: _body('_0 = x  # " ', 'ops.aten.save(x, "/dev/null")'), False),
    "source-twice": ("C10", _twice, False),
    "pt2-library": ("C10", lambda c: _pt2(Entry("m/data/aotinductor/model/m.so", _ELF)), True),
    "pt2-pickled-inputs": ("C10", lambda c: _pt2(inputs=evil(c, 2)), True),
    "pt2-pickled-weight": ("C10", lambda c: _pt2(Entry("m/data/weights/weight_0", evil(c, 2))), True),
    "pt2-expression": ("C10", lambda c: _sized(python(c)), True),
    "pt2-expression-in-string": ("C10", lambda c: _sized(f"Max({python(c)!r}, 1)"), True),
    "pt2-save": ("C10", lambda c: _calling("torch.ops.aten.save.default"), True),
    "pt2-python-function": ("C10", lambda c: _calling("torch.os.system"), False),
    "pt2-unknown-key": ("C10", lambda c: _pt2(graph={"graph_module": {}, "hook": python(c)}), False),
}  # fmt: skip


def _sample(name: str, technique: str, build: Build, flagged: bool) -> Sample:
    ending = "pt2" if name.startswith("pt2") else "torchscript"
    return Sample(
        name=f"script-{name}",
        family="torch",
        technique=technique,
        file_name=f"model.{ending}",
        build=lambda command=CANARY: build(command),
        expects="flagged" if flagged else "not-clear",
    )


SAMPLES = tuple(_sample(name, *shape) for name, shape in _SHAPES.items())
