"""The opcodes that are not in the hot loop: each a function of the state and the opcode's position.

Each returns the position of the next opcode, and raises `ReadProblem` where every unpickler would stop.
"""

from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable

from modelairlock.encodings.pickle_machine import values as v
from modelairlock.encodings.pickle_machine.boxes import CONSTANTS
from modelairlock.encodings.pickle_machine.opcodes import u8
from modelairlock.encodings.pickle_machine.state import PICKLE_STARTS, State
from modelairlock.encodings.pickle_machine.window import SETSTATE
from modelairlock.reading import Malformed, Truncated
from modelairlock.records.facts import CallHow
from modelairlock.records.uses import MAKERS

Step = Callable[[State, int], int]

#: classes whose BUILD makes joblib read raw array bytes from the file
ARRAY_WRAPPERS = frozenset(
    {("joblib.numpy_pickle", "NumpyArrayWrapper"), ("sklearn.externals.joblib.numpy_pickle", "NumpyArrayWrapper")}
)
#: a text line that is an integer is never longer than this in an honest file
LINE_BYTES = 1 << 16
#: no way to write `SETSTATE` with escapes is longer, as long as nothing else stands in the string
_ESCAPED_BYTES = 160
HIGHEST_PROTOCOL = 5
#: a name that is longer is told in part; no honest one is
NAME_CHARACTERS = 1024
#: pairs of string values whose names are remembered
RESOLVED = 1 << 16
#: SETITEMS, SETITEM, ADDITEMS: some of what they put in is hashed and compared
_KEYED = frozenset((0x75, 0x73, 0x90))
_OPCODE_NAMES = {0x75: "SETITEMS", 0x65: "APPENDS", 0x90: "ADDITEMS", 0x73: "SETITEM", 0x61: "APPEND"}


def _argument(state: State, at: int, length: int) -> bytes:
    data = state.window.bytes(at + 1, length)
    if len(data) < length:
        raise Truncated(at, "the pickle ends inside an opcode")
    return data


def _line(state: State, start: int, at: int) -> tuple[bytes, int]:
    end = state.window.line_end(start)
    if end - start > LINE_BYTES:
        raise Malformed(at, f"a text argument of at most {LINE_BYTES} bytes", str(end - start))
    return state.window.bytes(start, end - start), end + 1


# -- values ----------------------------------------------------------------------------------------------------


def _number_line(state: State, at: int) -> int:
    """INT, LONG, FLOAT: a wrong number stops every unpickler."""
    opcode = state.window.bytes(at, 1)
    line, end = _line(state, at + 1, at)
    value = v.text_number(opcode, line)
    if value is None:
        raise Malformed(at, "a number", repr(line[:40]))
    state.stack.append(value if value in (v.TRUE, v.FALSE) else at << 4 | v.NUMBER)
    return end


def _text_line(state: State, at: int) -> int:
    """STRING, UNICODE."""
    end = state.window.line_end(at + 1)
    if state.window.bytes(at, 1) == b"S" and not v.is_quoted(state.window, at + 1, end):
        raise Malformed(at, "a quoted string", "one without quotes")
    state.stack.append(at << 4 | v.STR)
    if end - at < _ESCAPED_BYTES and SETSTATE in v.decode_text(state.window, at, _ESCAPED_BYTES)[0]:
        state.window.setstate = at
    return end + 1


def _counted(width: int, kind: int, *, signed: bool = False) -> Step:
    def step(state: State, at: int) -> int:
        raw = _argument(state, at, width)
        length = int.from_bytes(raw, "little", signed=signed)
        if length < 0:
            raise Malformed(at, "a length", str(length))
        first = at + 1 + width
        if kind == v.BYTES and length > 4 and state.window.bytes(first, 1) in PICKLE_STARTS:
            state.candidate(at)
        state.stack.append(at << 4 | kind)
        return first + length

    return step


def _push(value: int) -> Step:
    def step(state: State, at: int) -> int:
        state.stack.append(state.boxes.new(value) if state.watching and value & v.KIND == v.BOX else value)
        return at + 1

    return step


def _collect(value: int) -> Step:
    """LIST, DICT, FROZENSET: everything above the MARK becomes one value."""

    def step(state: State, at: int) -> int:
        items = state.to_mark(at)
        if state.watching:
            state.stack.append(state.boxes.new(value))
            state.boxes.fill(state.stack[-1], items)
            if value != v.LIST:
                _hash(state, at, items[::2] if value == v.DICT else items)
        else:
            state.stack.append(value)
        return at + 1

    return step


def _hash(state: State, at: int, keys: list[int]) -> None:
    if state.arrays and not state.arrays.isdisjoint(keys):
        raise Malformed(at, "keys that have a hash", "an array")
    state.ledger.keys((at, at + 1), keys)


def put_items(state: State, at: int, opcode: int, mark: int) -> None:
    """SETITEM(S), APPEND(S), ADDITEMS, when the target is no plain container or its items are kept."""
    target, items = state.stack[mark - 1], state.stack[mark:]
    if opcode in _KEYED:
        _hash(state, at, items if opcode == 0x90 else items[::2])
    if target & v.KIND == v.BOX:
        state.boxes.fill(target, items)
        if state.boxes.late:
            state.boxes.late = False
            state.ledger.filled_late((at, at + 1))
        return
    # An empty batch too: pickle.py asks the target for its `extend` before it looks whether there is anything to add.
    state.boxes.kept_globals.update(item for item in items if item & v.KIND == v.GLOBAL)
    state.ledger.set_item((at, at + 1), target, _OPCODE_NAMES[opcode])


# -- stack -----------------------------------------------------------------------------------------------------


def _pop(state: State, at: int) -> int:
    if state.marks and state.marks[-1] == len(state.stack):
        state.marks.pop()
    else:
        state.pop(at)
    return at + 1


def _pop_mark(state: State, at: int) -> int:
    state.to_mark(at)
    return at + 1


def _dup(state: State, at: int) -> int:
    state.need(1, at)
    state.stack.append(state.stack[-1])
    return at + 1


def _memo_index(line: bytes, at: int) -> int:
    try:
        return int(v.to_nul(line))
    except ValueError:
        raise Malformed(at, "a memo index", repr(line[:40])) from None


def _get(state: State, at: int) -> int:
    line, end = _line(state, at + 1, at)
    state.stack.append(state.memo.get(_memo_index(line, at), at))
    return end


def _put(state: State, at: int) -> int:
    line, end = _line(state, at + 1, at)
    state.need(1, at)
    index = _memo_index(line, at)
    if index < 0:
        raise Malformed(at, "a memo index that is not negative", str(index))
    state.memo.put(index, state.stack[-1])
    return end


# -- imports ---------------------------------------------------------------------------------------------------


def _imported(state: State, span: tuple[int, int], module: str, qualname: str, opcode: str) -> int:
    state.watching = True
    if len(module) > NAME_CHARACTERS or len(qualname) > NAME_CHARACTERS:
        return state.ledger.import_of_long_name(span, module, qualname, opcode)
    if state.mapped > 2 and ((module, qualname) in NAME_MAPPING or module in IMPORT_MAPPING):
        state.ledger.unmapped(span, module, qualname, state.mapped)
    return state.ledger.import_(span, module, qualname, opcode)


def _names(state: State, at: int) -> tuple[str, str, int]:
    module, middle = _line(state, at + 1, at)
    qualname, end = _line(state, middle, at)
    if not module or not qualname:
        raise Malformed(at, "a module and a name", "an empty line")
    try:
        return module.decode("utf-8"), qualname.decode("utf-8"), end
    except UnicodeDecodeError:
        raise Malformed(at, "names in UTF-8", repr(module[:40])) from None


def _global(state: State, at: int) -> int:
    module, qualname, end = _names(state, at)
    state.stack.append(_imported(state, (at, end), module, qualname, "GLOBAL"))
    return end


def _stack_global(state: State, at: int) -> int:
    state.need(2, at)
    name_value, module_value = state.stack.pop(), state.stack.pop()
    ledger = state.ledger
    # Honest pickles memoize the two strings and use them again; decoding them once is enough.
    key = (module_value, name_value)
    known = state.resolved.get(key)
    if known is None:
        known = (ledger.text(module_value) or "", ledger.text(name_value) or "")
    if known[0] and known[1]:
        value = _imported(state, (at, at + 1), *known, "STACK_GLOBAL")
        # The ledger's own copy of the names, which it has counted.
        known = ledger.globals[value >> 4] if value & v.KIND == v.GLOBAL else ("", "")
    else:
        value = ledger.unresolved((at, at + 1), module_value, name_value)
    if len(state.resolved) < RESOLVED:
        state.resolved.setdefault(key, known)
    state.stack.append(value)
    return at + 1


def _extension(width: int) -> Step:
    def step(state: State, at: int) -> int:
        code = int.from_bytes(_argument(state, at, width), "little", signed=width == 4)
        if code <= 0:
            raise Malformed(at, "an extension code above 0", str(code))
        state.stack.append(state.ledger.extension((at, at + 1 + width), code))
        return at + 1 + width

    return step


# -- calls -----------------------------------------------------------------------------------------------------


def _call(state: State, span: tuple[int, int], function: int, how: CallHow, arguments: tuple[int, ...]) -> None:
    value = state.ledger.call(span, function, how, arguments)
    if (
        value & v.KIND == v.BYTES
        and v.decode_text(state.window, value >> 4, 1)[0].encode("latin-1", "replace") in PICKLE_STARTS
    ):
        state.candidate(value >> 4)
    state.stack.append(value)


def _arguments(state: State, value: int) -> tuple[int, ...]:
    """The arguments a value unpacks to; ``pickle.py`` unpacks anything iterable, so what is no tuple is unknown."""
    items = state.ledger.items(value)
    return (v.UNKNOWN,) if items is None else items


def _reduce(state: State, at: int) -> int:
    state.need(2, at)
    packed = state.stack.pop()
    arguments = _arguments(state, packed)
    function = state.stack.pop()
    state.ledger.used_as_arguments(packed, arguments)
    state.check_tensor(at, function, arguments)
    _call(state, (at, at + 1), function, "reduce", arguments)
    return at + 1


def _newobj(state: State, at: int) -> int:
    state.need(2, at)
    packed = state.stack.pop()
    arguments = _arguments(state, packed)
    state.ledger.used_as_arguments(packed, arguments)
    _call(state, (at, at + 1), state.stack.pop(), "newobj", arguments)
    return at + 1


def _newobj_ex(state: State, at: int) -> int:
    state.need(3, at)
    keywords = state.stack.pop()
    arguments = _arguments(state, state.stack.pop())
    _call(state, (at, at + 1), state.stack.pop(), "newobj_ex", (*arguments, keywords))
    return at + 1


def _inst(state: State, at: int) -> int:
    # pickle.py imports before it looks for the MARK, C looks first; what one of them imports is stated.
    module, qualname, end = _names(state, at)
    function = _imported(state, (at, end), module, qualname, "INST")
    _call(state, (at, end), function, "inst", tuple(state.to_mark(at)))
    return end


def _obj(state: State, at: int) -> int:
    taken = state.to_mark(at)
    if not taken:
        raise Malformed(at, "a class above the MARK", "nothing")
    _call(state, (at, at + 1), taken[0], "obj", tuple(taken[1:]))
    return at + 1


def _is_array_wrapper(state: State, target: int) -> bool:
    """Whether `target` is an instance of a wrapper: of the class that was called, or of one that made it of another."""
    function, _, arguments = state.ledger.calls[target >> 4]
    classes = (function, *arguments[:1])
    return any(kind & v.KIND == v.GLOBAL and state.ledger.globals[kind >> 4] in ARRAY_WRAPPERS for kind in classes)


def _build(state: State, at: int) -> int:
    state.need(2, at)
    new_state = state.stack.pop()
    target = state.stack[-1]
    state.ledger.build((at, at + 1), target, new_state)
    if target & v.KIND == v.CALL:
        if state.joblib and _is_array_wrapper(state, target):
            _build_wrapper(state, at, target, new_state)
        else:
            state.built.setdefault(target, set()).add(new_state)
            state.built_count += 1
    return at + 1


def _fits_array(state: State, new_state: int) -> bool:
    """Whether an array may take that for its state: (version,) shape, type, order and content."""
    kind, items = new_state & v.KIND, state.ledger.items(new_state)
    if items is not None:
        return len(items) in (4, 5) and any(item & v.KIND not in CONSTANTS for item in items[:2])
    if kind == v.CALL:
        # Neither arrays, wrappers nor types are sequences of that.
        function = state.ledger.calls[new_state >> 4][0]
        no_sequences = ARRAY_WRAPPERS | {("numpy", "dtype")}
        known = function & v.KIND == v.GLOBAL and state.ledger.globals[function >> 4] in no_sequences
        return not known and new_state not in state.arrays
    if kind == v.BOX:
        box = state.boxes.find(new_state)
        return new_state & 0xFF == v.LIST and (box is None or box.items != [])
    return kind not in CONSTANTS and kind != v.GLOBAL


def _build_wrapper(state: State, at: int, target: int, new_state: int) -> None:
    """BUILD on a wrapper, behind which joblib reads an array, or on what only looks like one."""
    ledger = state.ledger
    if target in state.arrays:
        if not _fits_array(state, new_state):
            raise Malformed(at, "the state of an array", "something else")
        ledger.forged((at, at + 1), "an array that was read is given a state, as if it were still to be read")
        return
    function, _, arguments = ledger.calls[target >> 4]
    names = [ledger.globals[value >> 4] for value in (function, *arguments[:1]) if value & v.KIND == v.GLOBAL]
    if names[0] in MAKERS:
        names.pop(0)
    if function & v.KIND != v.GLOBAL or names[0] not in ARRAY_WRAPPERS:
        ledger.forged((at, at + 1), "something is given a state that was made of an array wrapper's class, and is none")
    elif state.wrapper not in (names[0], None):
        # Who knows one of them takes what follows the other for opcodes.
        ledger.forged((at, at + 1), "array wrappers of two kinds in one pickle")
    state.wrapper = names[0]
    state.array_state = new_state


# -- the rest --------------------------------------------------------------------------------------------------


def _persid(state: State, at: int) -> int:
    _, end = _line(state, at + 1, at)
    state.stack.append(state.ledger.persist((at, end), at << 4 | v.STR))
    return end


def _binpersid(state: State, at: int) -> int:
    pid = state.pop(at)
    state.stack.append(state.ledger.persist((at, at + 1), pid))
    return at + 1


def _next_buffer(state: State, at: int) -> int:
    state.ledger.buffer((at, at + 1))
    state.stack.append(v.BUFFER)
    return at + 1


def _readonly_buffer(state: State, at: int) -> int:
    state.need(1, at)
    return at + 1


def _proto(state: State, at: int) -> int:
    protocol = _argument(state, at, 1)[0]
    if protocol > HIGHEST_PROTOCOL:
        raise Malformed(at, f"a protocol up to {HIGHEST_PROTOCOL}", str(protocol))
    state.protocol = max(state.protocol, protocol)
    state.mapped = protocol
    return at + 2


def _frame(state: State, at: int) -> int:
    state.frames.begin(at, u8(_argument(state, at, 8), 0)[0], state.window.size)
    return at + 9


def _stop(state: State, at: int) -> int:
    state.result = state.pop(at)
    if state.result & v.KIND == v.GLOBAL:
        state.boxes.kept_globals.add(state.result)
    state.frames.stop(at + 1)
    return at + 1


RARE: list[Step | None] = [None] * 256
for _opcodes, _step in (
    (b"ILF", _number_line),
    (b"SV", _text_line),
    (b"T", _counted(4, v.STR, signed=True)),
    (b"U", _counted(1, v.STR)),
    (b"\x8d", _counted(8, v.STR)),
    (b"\x8e", _counted(8, v.BYTES)),
    (b"\x96", _counted(8, v.BYTES)),
    (b"\x8b", _counted(4, v.NUMBER, signed=True)),
    (b"\x8f", _push(v.SET)),
    (b"l", _collect(v.LIST)),
    (b"d", _collect(v.DICT)),
    (b"\x91", _collect(v.FROZENSET)),
    (b"0", _pop),
    (b"1", _pop_mark),
    (b"2", _dup),
    (b"g", _get),
    (b"p", _put),
    (b"c", _global),
    (b"\x93", _stack_global),
    (b"\x82", _extension(1)),
    (b"\x83", _extension(2)),
    (b"\x84", _extension(4)),
    (b"R", _reduce),
    (b"\x81", _newobj),
    (b"\x92", _newobj_ex),
    (b"i", _inst),
    (b"o", _obj),
    (b"b", _build),
    (b"P", _persid),
    (b"Q", _binpersid),
    (b"\x97", _next_buffer),
    (b"\x98", _readonly_buffer),
    (b"\x80", _proto),
    (b"\x95", _frame),
    (b".", _stop),
):
    for _opcode in _opcodes:
        RARE[_opcode] = _step
