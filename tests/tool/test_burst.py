# SPDX-License-Identifier: BSD-2-Clause
"""Packets that pass in bursts (lib/sim/burst.h) and one by one: what the program says, its documents, its trace of every transfer
with its times and NAKs, and its captures are the same to the byte. tests/unit/test_burst.c does it below, with what is drawn."""
import random

import pytest
from conftest import listing

ONE_BY_ONE = {"MSCOPE_ONE_BY_ONE": "1"}
pytestmark = pytest.mark.nosan

MODELS = ["reference,speed=full", "linux-gadget", "stm32,stage=yield", "reference"]
HOSTS = ["uhci", "ohci", "ehci", "xhci"]


def drawn(kind, n):
    """Different ones, each on a model and a host of its own; not every model has the knobs of a variant."""
    models = MODELS if kind == "fault" else ["reference,speed=full", "reference", "reference", "reference"]
    draw = random.Random(13)
    names = draw.sample(sorted(f["name"] for f in listing(kind + "s")), n)
    return [f"sim:{models[i % len(models)]},host={draw.choice(HOSTS)},{kind}={name}" for i, name in enumerate(names)]


def everything(mscope, where, *args, **env):
    """What it printed, and each file that it wrote."""
    where = mscope.cwd / where
    where.mkdir()
    done = mscope.popen(*args, "--json", "d.json", "--log", "log", env=env)
    out, err = done.communicate(timeout=60)
    for name in ("d.json", "log", "c.pcap"):
        if (mscope.cwd / name).exists():
            (mscope.cwd / name).rename(where / name)
    return {"status": done.returncode, "out": out, "err": err} | {f.name: f.read_bytes() for f in where.iterdir()}


def is_the_same(mscope, *args):
    many = everything(mscope, "many", *args)
    one = everything(mscope, "one", *args, **ONE_BY_ONE)
    assert many["log"] and many.keys() == one.keys()
    for name, what in many.items():
        assert what == one[name], name
    return many


@pytest.mark.parametrize("target", drawn("fault", 8) + drawn("variant", 4))
def test_a_suite_is_the_same(mscope, target):
    is_the_same(mscope, "check", target, "--allow-writes", "-v", "--record", "c.pcap", "--record-transfers")


@pytest.mark.parametrize("event", ["card-out@byte:70001", "suspend@byte:50001", "unplug@41ms"])
def test_what_happens_at_a_byte_or_a_time_happens_there(mscope, event):
    is_the_same(mscope, "bench", f"sim:reference,speed=full,event={event}", "--blocks", 64, "--count", 4)


@pytest.mark.parametrize("target", ["reference,speed=full", "reference,host=xhci", "stm32"])
def test_who_listens_to_packets_changes_nothing(mscope, target):
    """Whoever writes packets down gets each of them, and what else is seen is what a run without it sees."""
    args = ["bench", "sim:" + target, "--blocks", 64, "--count", 2, "--warm-up", 0]
    alone = is_the_same(mscope, *args)
    heard = everything(mscope, "heard", *args, "--record", "c.pcap")
    assert heard["log"] == alone["log"] and len(heard["c.pcap"]) > 64 * 512
