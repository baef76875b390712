"""The symbolic pickle machine: opcodes, window, values, memo, frames, ledger, and the loop that drives them."""

from modelairlock.encodings.pickle_machine.machine import Ended, run
from modelairlock.encodings.pickle_machine.state import State

__all__ = ["Ended", "State", "run"]
