"""The JSON of a torch.export package: a graph under ``models/``, and what the records of weights hold.

What a newcomer would get wrong: it is JSON, and torch evaluates parts of it. Expressions about sizes go to
`sympy.sympify`, which evaluates Python; descriptions of inputs may name an enum, whose module is imported. Operators
are named by their full name and looked up in ``torch``. Keys that the schema of torch 2.13 does not have are gaps.
"""

from collections.abc import Iterator

from modelairlock.encodings.json_steps import Do, Step, steps
from modelairlock.encodings.plain_expression import is_plain, is_plain_guard
from modelairlock.encodings.strict_json import walk
from modelairlock.reading import Cursor, Format, OverLimit, Probe
from modelairlock.records.coverage import Because, Gap
from modelairlock.records.facts import Configured, Fact, Irregularity, Operator, Value
from modelairlock.records.regex import regex
from modelairlock.records.torch_operators import words

#: torch/_export/serde/schema.py, torch 2.1 to 2.13
_KEYS = words(
    "arg as_bool as_bools as_complex as_custom_obj as_device as_expr as_float as_float_lists as_floats as_graph "
    "as_int as_int_lists as_ints as_layout as_memory_format as_name as_nested_tensors as_none as_operator "
    "as_optional_tensor as_optional_tensors as_scalar_type as_string as_string_to_argument as_strings as_sym_bool "
    "as_sym_bools as_sym_float as_sym_floats as_sym_int as_sym_ints as_tensor as_tensors buffer buffer_mutation "
    "buffer_name class_fqn config constant_input custom_obj custom_obj_name custom_obj_values device dtype "
    "expr_str field_names forward_arg_names fqn gradient_to_parameter gradient_to_user_input graph graph_module "
    "guards_code hint imag in_spec index input_specs inputs is_hop_single_tensor_return is_param "
    "is_single_tensor_return kind layout loss_output major max_val metadata min_val minor module_call_graph name "
    "nodes opset_version out_spec output_specs outputs parameter parameter_mutation parameter_name path_name "
    "persistent range_constraints real requires_grad schema_version signature sizes storage_offset strides "
    "sym_bool_values sym_float_values sym_int_values target tensor_constant tensor_constant_name tensor_meta "
    "tensor_values token torch_version treespec_namedtuple_fields type use_pickle user_input user_input_mutation "
    "user_input_name user_output value verifiers dialect"
)
#: values of these are dicts with keys of the author's own
_NAMED = words(
    "as_string_to_argument config custom_obj_values metadata opset_version range_constraints sym_bool_values "
    "sym_float_values sym_int_values tensor_values treespec_namedtuple_fields"
)
_SPECS = frozenset(("in_spec", "out_spec"))
_OPERATOR = regex(r"torch\.ops\.(\w+)\.(\w+)(?:\.\w+)?")
_PYTHON = regex(r"(_operator|math|torch)\.(\w+)")
_TOLD = 50
_BEGINS = regex(rb"\s*\{\s*\"graph_module\"\s*:")
OPERATORS = 10_000
_CHARACTERS = 400
_STRINGS = 8


def _claims(probe: Probe) -> bool:
    return probe.role == "torch-export" or _BEGINS.match(probe.head) is not None


def _read(cursor: Cursor) -> Iterator[Fact | Gap]:
    graph = _Graph()
    for count, step in enumerate(steps(walk(cursor, 0, cursor.size, constants=True), _has_text)):
        if not count & 1023:
            cursor.budget.check_time(step.piece.position)
        yield from graph.step(step)
    yield from graph.used.values()


def _has_text(_: str, raw: bytes) -> bool:
    return b'"' in raw


#: what has `torch.utils._pytree` import a module while it reads a specification, or could be a spelling of that
_IMPORTS = regex(
    r"__enum__|default_factory_(?:module|name)(?!\W+(?:builtins|list|dict|int|float|str|set|tuple)\b)"
    r"|\\u|[^\x00-\x7f]"
)


class _Graph:
    """The keys of what is open, and the node whose arguments come."""

    def __init__(self) -> None:
        self.open: list[str] = []
        #: which of them are dicts with keys of the author's own
        self.named: list[bool] = []
        self.used: dict[tuple[str, str], Operator] = {}
        self.node: tuple[str, str] | None = None
        self.told = 0

    def step(self, step: Step) -> Iterator[Fact | Gap]:
        """What one step says."""
        if step.do is Do.REPEATED:
            detail = f"{step.key[:80]!a} stands twice in one object"
            yield Irregularity(span=step.span, kind="json-key-repeated", detail=detail)
        elif step.do is Do.CLOSE:
            if self.open:
                self.open.pop()
                self.named.pop()
        else:
            yield from self._known(step)
            if step.do is Do.SCALAR:
                yield from self._scalar(step, step.key or (self.open[-1] if self.open else ""))
            else:
                # Items of a list go by the key of the list.
                key = step.key or (self.open[-1] if self.open and step.do is Do.OPEN_ARRAY else "")
                # An author may call something of his own like such a dict, and it is none.
                self.named.append(key in _NAMED and not self._is_own())
                self.open.append(key)

    def _is_own(self) -> bool:
        """Whether keys are the author's own here."""
        return bool(self.named) and self.named[-1]

    def _known(self, step: Step) -> Iterator[Gap]:
        if step.key and not self._is_own() and step.key not in _KEYS:
            self.told += 1
            if self.told <= _TOLD:
                detail = f"the key {step.key[:80]!a}, which torch.export of torch 2.13 does not know"
                span = step.piece
                end = span.position + len(span.raw)
                yield Gap(start=span.position, end=end, because=Because.UNSUPPORTED, detail=detail)

    def _scalar(self, step: Step, key: str) -> Iterator[Fact | Gap]:
        value = step.value
        if key == "use_pickle" and value is not False:
            end = step.piece.position + len(step.piece.raw)
            detail = "a record that torch.export.load unpickles (use_pickle)"
            yield Gap(start=step.piece.position, end=end, because=Because.UNSUPPORTED, detail=detail)
        if not isinstance(value, str) or self._is_own():
            return
        if key in ("target", "as_operator"):
            self._operator(step, value)
        elif key in ("as_string", "as_strings"):
            self._string(value)
        elif key == "expr_str" and not is_plain(value):
            yield self._configured(step, "expression", value)
        elif key == "guards_code" and not is_plain_guard(value):
            yield self._configured(step, "guard", value)
        elif key in _SPECS and _IMPORTS.search(value):
            yield self._configured(step, "enum", value)

    def _operator(self, step: Step, target: str) -> None:
        match = _OPERATOR.fullmatch(target)
        python = _PYTHON.fullmatch(target)
        if match:
            key = (match[1], match[2])
        elif python:
            key = (python[1], python[2])
        else:
            key = ("", target[:_CHARACTERS])
        before = self.used.get(key)
        if before is None and len(self.used) >= OPERATORS:
            raise OverLimit(step.piece.position, f"more than {OPERATORS} different operators in one graph")
        count = before.count + 1 if before else 1
        strings = before.strings if before else ()
        span = before.span if before else step.span
        self.used[key] = Operator(span=span, name=key[1], domain=key[0], strings=strings, count=count)
        self.node = key

    def _string(self, value: str) -> None:
        if self.node is None:
            return
        one = self.used[self.node]
        strings = tuple(dict.fromkeys((*one.strings, value[:_CHARACTERS])))[:_STRINGS]
        self.used[self.node] = Operator(
            span=one.span, name=one.name, domain=one.domain, strings=strings, count=one.count
        )

    def _configured(self, step: Step, kind: str, value: str) -> Configured:
        text = Value(kind="str", text=value[:_CHARACTERS], cut=len(value) > _CHARACTERS)
        return Configured(
            span=step.span,
            scheme="torch-export",
            kind=kind,
            module="",
            qualname="",
            where=".".join(one for one in self.open if one)[-200:],
            arguments=(text,),
        )


FORMAT = Format(
    name="torch_export_graph",
    summary="Graph of a torch.export package (.pt2), and the index of its weights and constants.",
    claims=_claims,
    read=_read,
    loaders=("torch.export.load",),
    blind_spots=("Which module a pytree's registered class belongs to: torch looks it up among those registered.",),
    builds_on=("json_text", "text", "other_text"),
    native=True,
    references=("torch/_export/serde/schema.py", "torch/_export/serde/serialize.py"),
)
