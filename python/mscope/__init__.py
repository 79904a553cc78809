# SPDX-License-Identifier: BSD-2-Clause
"""Drive a USB mass-storage device, real or simulated, and have every exchange judged.

    import mscope

    with mscope.Session("sim:reference") as dut:
        x = dut.command("12 00 00 00 24 00")
        print(x.status, x.data[8:16], x.findings)

The work is done by the program: this package is a client of `mscope session`, here or on another
machine. mscope-session(1) describes the conversation.
"""
from .errors import (CheckError, EndedError, Error, FindingError, FormatError, InterruptedError, RefusedError,
                     TargetError, UndecidedError, UnsupportedError, UsageError)
from .results import Bench, Case, Check, Comparison, Exchange, Finding, Record, Sense, Unit
from .session import Session

__version__ = "0.1.0"
__all__ = ["Bench", "Case", "Check", "CheckError", "Comparison", "EndedError", "Error", "Exchange", "Finding",
           "FindingError", "FormatError", "InterruptedError", "Record", "RefusedError", "Sense", "Session",
           "TargetError", "UndecidedError", "Unit", "UnsupportedError", "UsageError"]
