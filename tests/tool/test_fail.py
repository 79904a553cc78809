# SPDX-License-Identifier: BSD-2-Clause
"""What is asked of the system fails, once, in the middle of a run: memory, a file that is opened, read, written, synced
or renamed. No crash, no half document, no result that silently lacks something, no memory that stays; the message says
what failed, and the medium is as it was. Here it is a sample of the calls; tests/bench/bench_fail has all."""
import random

import pytest
from conftest import PROGRAM
from fail import Failing, build_shim

SOME = ["send", "write scenario", "record", "compare"]
EACH = 10

# The preloaded library must come before the sanitizer's own, which it cannot.
pytestmark = [pytest.mark.nosan, pytest.mark.skipif("build-san" in PROGRAM, reason="the sanitizer takes no preloaded library")]


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    where = tmp_path_factory.mktemp("fail")
    return Failing(PROGRAM, where, build_shim(where))


@pytest.mark.parametrize("command", SOME)
def test_a_call_that_fails_is_told_and_nothing_is_lost(failing, command):
    failing.learn(command)
    points = failing.points(command, callers=6)
    kinds = {failing.calls[command][at - 1][0]: at for at in points}
    chosen = sorted({*kinds.values(), *random.Random(command).sample(points, EACH)})
    assert failing.wrong(command, 0) == []
    assert [w for at in chosen for w in failing.wrong(command, at)] == []
