# SPDX-License-Identifier: BSD-2-Clause
"""What can go wrong. What a device does wrong is no exception but a finding, until somebody demands otherwise."""


class Error(Exception):
    """The program could not do what was asked. `kind` is its word for it, `exit_status` what the command line would give."""

    kind = "internal"

    def __init__(self, message, kind=None, exit_status=70, answer=None):
        super().__init__(message)
        self.kind = kind or self.kind
        self.exit_status = exit_status
        self.answer = answer or {}      # all of it: a run that ended early has its result there


class UsageError(Error):
    """The request makes no sense, or names something that does not exist. Nothing was sent."""


class RefusedError(Error):
    """It may change the medium or the device, and that is not allowed. Nothing was sent."""


class UnsupportedError(Error):
    """The way to this device cannot carry it, or the device has no medium."""


class TargetError(Error):
    """The device cannot be opened, has gone, or its medium could not be put back."""


class UndecidedError(Error):
    """The data does not allow an answer."""


class FormatError(Error):
    """A document or a scenario is not what it should be."""


class InterruptedError(Error):  # pylint: disable=redefined-builtin
    """Somebody stopped the program."""


class EndedError(Error):
    """The program has ended, and with it the conversation."""


class FindingError(AssertionError):
    """The device broke a rule in an exchange that was to be judged. `exchange` has all of it."""

    def __init__(self, exchange):
        self.exchange = exchange
        super().__init__("\n".join(f.text for f in exchange.failures))


class CheckError(AssertionError):
    """Cases failed. `check` has all of them."""

    def __init__(self, check):
        self.check = check
        super().__init__(check.text)


KINDS = {"usage": UsageError, "refused": RefusedError, "unsupported": UnsupportedError, "gone": TargetError,
         "device": TargetError, "undecided": UndecidedError, "format": FormatError, "file": TargetError,
         "interrupted": InterruptedError}


def of_answer(answer):
    """The exception that an answer with an error stands for."""
    error = answer["error"]
    return KINDS.get(error["kind"], Error)(error["message"], error["kind"], error["exit_status"], answer)
