# SPDX-License-Identifier: BSD-2-Clause
"""Devices that mean harm or say nothing: the program ends in good order, in bounded time, and says
so. tests/bench/bench_hostile does the same with thousands of seeds."""
import json

import pytest
from test_documents import validate

SEEDS = 36
DEVICE_S = 1500     # more than 20 minutes and the first hangs are never spent on one device


def wild(seed):
    """How wild: 1 to 60 percent, all over the seeds."""
    return seed * 7 % 60 + 1


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
def test_a_hostile_device_is_survived(mscope, tmp_path, seed):
    target = f"sim:hostile,seed={seed},wild={wild(seed)}" + (",speed=full" if seed % 3 else "")
    options = [["--allow-writes"], ["--queued"], ["--allow-writes", "--profile", "spec"]][seed % 3]
    process = mscope.popen("check", target, *options, "--json", "out.json", "--junit", "out.xml")
    out, err = process.communicate(timeout=60)
    assert process.returncode in (0, 1, 3), err.decode()
    document = json.loads((tmp_path / "out.json").read_text())
    validate(document)
    assert document["exit_status"] == process.returncode
    assert sum(c["device_ns"] for c in document["cases"]) < DEVICE_S * 10**9
    log = b"reset recovery did not succeed"     # its power may still help
    assert (process.returncode == 3) == any(not line.endswith(log) for line in err.splitlines())
    assert all(line.startswith(b"mscope: ") for line in err.splitlines())


def test_blocks_smaller_than_what_is_stamped_into_them(mscope):
    """This seed has blocks of 3 bytes; what was read beyond the last of them is seen with SAN=1."""
    process = mscope.popen("check", "sim:hostile,wild=4,seed=3069,speed=full", "--allow-writes")
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 1, err.decode()


@pytest.mark.parametrize("command", [["probe"], ["send", "--in", "36", "--", "12 00 00 00 24 00"],
                                     ["check", "--bring-up"], ["pace"],
                                     ["bench", "--blocks", "1", "--count", "20"]])
def test_other_commands_survive_it_too(mscope, command):
    """Among the seeds media of 4294967296 blocks of 4294967295 bytes (52), and of 0 (78)."""
    for seed in [*range(1, 9), 52, 78]:
        target = f"sim:hostile,seed={seed},wild={wild(seed)}"
        process = mscope.popen(command[0], target, *command[1:])
        err = process.communicate(timeout=60)[1]
        assert process.returncode in (0, 1, 3), f"{target}: {process.returncode}: {err.decode()}"


def test_the_same_seed_does_the_same(mscope):
    args = ("check", "sim:hostile,seed=3", "--json", "-", "-q")
    first, second = (mscope.popen(*args).communicate(timeout=60)[0] for _ in range(2))
    assert first == second


HANGS = "sim:reference,fault=hang-negative"


def device_s(document):
    return sum(c["device_ns"] for c in document["cases"]) / 1e9


def test_a_device_that_hangs_at_every_negative_test_ends_in_the_time_that_is_said(mscope, tmp_path):
    out = mscope("check", HANGS, "--allow-writes", "--json", "out.json", status=1).out
    said = " ".join(out.split())
    assert "the device has hung 3 times; from here on an answer is waited for 1 s only, and the " \
           "run ends after 20 minutes at the latest" in said
    assert said.count("the device has hung") == 1
    document = json.loads((tmp_path / "out.json").read_text())
    assert device_s(document) < 5 * 60
    hung = [c for c in document["cases"] if any(f["rule"] == "bot.csw.missing" for f in c["findings"])]
    assert len(hung) > 10 and all(c["verdict"] == "fail" for c in hung)


def test_a_time_out_that_was_asked_for_is_kept(mscope, tmp_path):
    out = mscope("check", HANGS, "--select", "bot.case0[27].*", "--timeout", "4s", "--json", "out.json",
                 status=1).out
    assert "has hung" not in out
    document = json.loads((tmp_path / "out.json").read_text())
    hung = [c for c in document["cases"] if c["verdict"] == "fail"]
    assert len(hung) > 4 and all(c["device_ns"] >= 4 * 10**9 for c in hung)


def test_a_device_that_answers_loses_no_time(mscope):
    assert "has hung" not in mscope("check", "sim:reference", "--allow-writes").out


# 32 KiB at a look every 5 ms take 2.5 s: slow, and not hung when other commands have.
def test_a_device_that_has_hung_and_is_slow_is_given_the_time_it_was_seen_to_need(mscope):
    hang = ["scsi.capacity.long", "scsi.opcodes.harmless", "scsi.unknown.in"]
    run = mscope("check", "sim:lsd,poll=5ms", *(a for s in hang + ["usb.during.read"] for a in ("--select", s)),
                 "--json", "-", status=1)
    document = json.loads(run.out)
    assert [c["verdict"] for c in document["cases"]] == ["fail"] * 3 + ["pass"]
    assert document["cases"][-1]["device_ns"] == 5160000000
