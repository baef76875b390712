"""A symbolic pickle machine: exact stack, mark and memo effects of every opcode, no object ever built.

It follows ``_pickle.c`` (CPython 3.11), not ``pickletools``; where ``pickle.py`` goes on and C stops, it goes on,
because some loader will. Effects are entered in the ledger as they happen, so a POP hides nothing. The position only
rises.
The frequent opcodes stand in `run`, which is one long dispatch on purpose: a call for each would cost more than the
opcode itself. The rest are methods in `rare.py`.
"""

import struct
from enum import Enum

from modelairlock.encodings.pickle_machine import values as v
from modelairlock.encodings.pickle_machine.opcodes import i4, reach, u2, u4
from modelairlock.encodings.pickle_machine.rare import RARE, put_items
from modelairlock.encodings.pickle_machine.state import PICKLE_STARTS, State
from modelairlock.encodings.pickle_machine.window import MARGIN
from modelairlock.reading import Malformed, ReadProblem, Truncated


class Ended(Enum):
    """Why the machine stopped without a problem."""

    STOP = "stop"
    #: a joblib array wrapper was built: raw bytes follow that are no opcodes
    ARRAY = "array"


def run(state: State) -> Ended:  # noqa: C901, PLR0912, PLR0915  # one long dispatch, see the module's docstring
    """Execute symbolically from ``state.position`` to STOP or an array. Raises `ReadProblem`; the ledger keeps all."""
    window, stack, marks, tuples = state.window, state.stack, state.marks, state.ledger.tuples
    memo = state.memo
    dense = memo.dense
    push, pop, extend = stack.append, stack.pop, tuples.extend
    fence = state.fence
    at = state.position
    state.edge(at)
    data, base, stop = window.data, window.base, state.edge_stop()
    pos = at - base
    try:
        while True:
            if pos >= stop:
                state.edge(base + pos)
                pos += base
                data, base, stop = window.data, window.base, state.edge_stop()
                pos -= base
            op = data[pos]
            if op == 0x4B:  # BININT1
                push(data[pos + 1] << 4)
                pos += 2
            elif op == 0x94:  # MEMOIZE
                if len(stack) <= fence:
                    raise _underflow(base + pos)
                if memo.tidy:
                    dense.append(stack[-1])
                else:
                    memo.memoize(stack[-1])
                pos += 1
            elif op == 0x8C:  # SHORT_BINUNICODE
                push((base + pos) << 4 | 1)
                pos += 2 + data[pos + 1]
            elif op == 0x68:  # BINGET
                push(dense[data[pos + 1]] if memo.tidy else memo.get(data[pos + 1], base + pos))
                pos += 2
            elif op == 0x4A:  # BININT
                push(i4(data, pos + 1)[0] << 4)
                pos += 5
            elif op == 0x6A:  # LONG_BINGET
                push(dense[u4(data, pos + 1)[0]] if memo.tidy else memo.get(u4(data, pos + 1)[0], base + pos))
                pos += 5
            elif op == 0x71:  # BINPUT
                if len(stack) <= fence:
                    raise _underflow(base + pos)
                index = data[pos + 1]
                if index == len(dense) and memo.tidy:
                    dense.append(stack[-1])
                else:
                    memo.put(index, stack[-1])
                pos += 2
            elif op == 0x72:  # LONG_BINPUT
                if len(stack) <= fence:
                    raise _underflow(base + pos)
                index = u4(data, pos + 1)[0]
                if index == len(dense) and memo.tidy:
                    dense.append(stack[-1])
                else:
                    memo.put(index, stack[-1])
                pos += 5
            elif op == 0x58:  # BINUNICODE
                push((base + pos) << 4 | 1)
                pos += 5 + u4(data, pos + 1)[0]
                # In a vocabulary of protocol 2 every word is put into the memo: no need to come here again for that.
                if pos < stop and data[pos] == 0x72 and memo.tidy and u4(data, pos + 1)[0] == len(dense):
                    dense.append(stack[-1])
                    pos += 5
            elif op == 0x28:  # MARK
                fence = len(stack)
                marks.append(fence)
                pos += 1
            elif op == 0x47:  # BINFLOAT
                push((base + pos) << 4 | 9)
                pos += 9
            elif op == 0x4D:  # BININT2
                push(u2(data, pos + 1)[0] << 4)
                pos += 3
            elif op == 0x8A:  # LONG1
                push((base + pos) << 4 | 9)
                pos += 2 + data[pos + 1]
            elif op == 0x75 or op == 0x65 or op == 0x90:  # SETITEMS, APPENDS, ADDITEMS
                mark = marks.pop()
                fence = marks[-1] if marks else 0
                if mark <= fence:
                    raise _underflow(base + pos)
                target = stack[mark - 1]
                if target & 15 != 5 or state.watching:
                    put_items(state, base + pos, op, mark)
                del stack[mark:]
                pos += 1
            elif op == 0x4E:  # NONE
                push(v.NONE)
                pos += 1
            elif op == 0x88:  # NEWTRUE
                push(v.TRUE)
                pos += 1
            elif op == 0x89:  # NEWFALSE
                push(v.FALSE)
                pos += 1
            elif op == 0x7D:  # EMPTY_DICT
                push(state.boxes.new(v.DICT) if state.watching else v.DICT)
                pos += 1
            elif op == 0x5D:  # EMPTY_LIST
                push(state.boxes.new(v.LIST) if state.watching else v.LIST)
                pos += 1
            elif op == 0x73 or op == 0x61:  # SETITEM, APPEND
                mark = len(stack) - (2 if op == 0x73 else 1)
                if mark <= fence:
                    raise _underflow(base + pos)
                if stack[mark - 1] & 15 != 5 or state.watching:
                    put_items(state, base + pos, op, mark)
                del stack[mark:]
                pos += 1
            elif op == 0x86:  # TUPLE2
                if len(stack) - 2 < fence:
                    raise _underflow(base + pos)
                second = pop()
                first = stack[-1]
                stack[-1] = len(tuples) << 4 | 3
                extend((-2, first, second))
                pos += 1
            elif op == 0x85:  # TUPLE1
                if len(stack) - 1 < fence:
                    raise _underflow(base + pos)
                first = stack[-1]
                stack[-1] = len(tuples) << 4 | 3
                extend((-1, first))
                pos += 1
            elif op == 0x87:  # TUPLE3
                if len(stack) - 3 < fence:
                    raise _underflow(base + pos)
                third = pop()
                second = pop()
                first = stack[-1]
                stack[-1] = len(tuples) << 4 | 3
                extend((-3, first, second, third))
                pos += 1
            elif op == 0x74:  # TUPLE
                mark = marks.pop()
                fence = marks[-1] if marks else 0
                items = stack[mark:]
                del stack[mark:]
                push(len(tuples) << 4 | 3)
                tuples.append(-len(items))
                extend(items)
                pos += 1
            elif op == 0x29:  # EMPTY_TUPLE
                push(3)
                pos += 1
            elif op == 0x43 or op == 0x42:  # SHORT_BINBYTES, BINBYTES
                push((base + pos) << 4 | 6)
                if op == 0x43:
                    length, first = data[pos + 1], pos + 2
                else:
                    length, first = u4(data, pos + 1)[0], pos + 5
                if length > 4 and data[first : first + 1] in PICKLE_STARTS:
                    state.candidate(base + pos)
                pos = first + length
            else:
                step = RARE[op]
                if step is None:
                    raise Malformed(base + pos, "a pickle opcode", f"the byte 0x{op:02x}")
                at = base + pos
                pos = step(state, at) - base
                fence = marks[-1] if marks else 0
                if op == 0x2E or state.array_state is not None:
                    state.position = base + pos
                    window.settle(base + pos)
                    return Ended.STOP if op == 0x2E else Ended.ARRAY
                if op == 0x95:
                    stop = state.edge_stop()
    except (IndexError, struct.error):
        state.position = base + pos
        window.settle(base + pos)
        raise _missing(data, base, pos, window.size) from None
    except ReadProblem:
        state.position = base + pos
        window.settle(min(base + pos, window.size))
        raise


def _underflow(at: int) -> Malformed:
    return Malformed(at, "enough values on the stack above the last MARK", "fewer")


def _missing(data: bytes, base: int, pos: int, size: int) -> ReadProblem:
    """An opcode asked for what is not there: bytes after the end, a MARK, a memo entry, or a value."""
    reached = reach(data[pos : pos + MARGIN], 0) if pos < len(data) else None
    if base + pos + MARGIN > size and (reached is None or base + pos + reached.payload > size):
        return Truncated(base + pos, "the pickle ends inside an opcode")
    return Malformed(base + pos, "a value, a MARK or a memo entry", "none")
