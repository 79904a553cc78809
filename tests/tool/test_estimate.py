# SPDX-License-Identifier: BSD-2-Clause
"""How long a run is said to take, against how long it takes: in virtual time, so nothing here waits."""
import pytest

SOUND = ["sim:reference", "sim:reference,speed=full", "sim:stm32", "sim:reference,variant=ep0-slow", "sim:reference,variant=empty",
         "sim:stm32 --allow-writes", "sim:stm32,stage=cube --allow-writes", "sim:reference --allow-writes"]
SLOW = ["sim:stm32,stage=cube", "sim:reference,variant=card-slow", "sim:reference,variant=card-slow --allow-writes",
        "sim:reference,card-write=200ms --allow-writes", "sim:reference,variant=card-erase --allow-writes"]
LATE = [f"sim:reference,variant={v}" for v in ("late-30s", "late-60s", "slow-cbw", "slow-cbw-100ms", "slow-capacity", "slow-inquiry")]
HANGING = [f"sim:reference,fault={fault}" for fault in ("csw-missing", "halt-stuck", "hang-when-short", "hang-vpd")]
POLLED = ["sim:reference,poll=5ms", "sim:reference,card-read=20ms", "sim:reference,poll=20ms,speed=full --allow-writes"]


def run(mscope, target, **options):
    document = mscope.json("check", *target.split(), status=None, **options)
    return document, document["estimates"]


def holds(document, estimate):
    return estimate["low_ns"] <= document["device_ns"] <= estimate["high_ns"]


@pytest.mark.parametrize("target", SOUND)
def test_the_first_range_holds_the_time_of_a_usual_device(mscope, target):
    document, estimates = run(mscope, target)
    assert holds(document, estimates[0]), estimates
    assert estimates[0]["done"] == 0


@pytest.mark.parametrize("target", SLOW + HANGING + POLLED)
def test_the_first_range_is_within_a_factor_of_three(mscope, target):
    """Before anything was measured; what it leaves out is told when it shows."""
    document, (first, *_) = run(mscope, target)
    assert first["low_ns"] / 3 <= document["device_ns"] <= 3 * first["high_ns"], (document["device_ns"], first)


@pytest.mark.parametrize("target", LATE)
def test_the_first_range_is_within_a_factor_of_two_where_the_beginning_shows_it(mscope, target):
    """How long the unit took to be ready, and its quickest command."""
    document, (first, *_) = run(mscope, target)
    assert first["low_ns"] / 2 <= document["device_ns"] <= 2 * first["high_ns"], (document["device_ns"], first)


def test_what_takes_long_is_not_repeated_as_often(mscope):
    d = mscope.json("check", "sim:reference,variant=slow-capacity", "-s", "scsi.capacity.many", "-s", "usb.power-up.capacity", "-s",
                    "scsi.capacity.stable")
    assert len(d["cases"]) == 3 and all(c["verdict"] == "pass" and c["device_ns"] < 30e9 for c in d["cases"])


@pytest.mark.parametrize("target", SOUND + SLOW + HANGING)
def test_the_range_told_last_holds_the_time(mscope, target):
    """It is told while most of the run is still ahead, and seldom."""
    document, estimates = run(mscope, target)
    assert holds(document, estimates[-1]), estimates
    assert len(estimates) <= 5
    told = [e["device_ns"] for e in estimates if holds(document, e)]
    assert told[0] <= document["device_ns"] / 2, estimates


@pytest.mark.parametrize("target", ["sim:reference", "sim:reference --allow-writes", "sim:reference,variant=empty"])
def test_cases_that_are_skipped_are_not_counted(mscope, target):
    document, (first, *_) = run(mscope, target)
    sent = sum(case["verdict"] != "skip" for case in document["cases"])
    assert sent <= first["cases"] <= sent + 6  # a few are skipped in the middle, by what the device has
    assert first["cases"] < len(document["cases"])
