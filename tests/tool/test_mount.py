# SPDX-License-Identifier: BSD-2-Clause
"""How long a user waits until Windows shows an 8 GB card: the published times, point values within 10 %."""

import pytest

from conftest import TOP


def attach(mscope, target):
    document = mscope.json("run", target, TOP / "scenarios/attach/windows-fat32.yaml")
    return document["cases"][0]["device_ns"] / 1e9


@pytest.mark.parametrize("cluster, seconds", [("4k", 50), ("16k", 20)])
def test_the_polled_card_takes_as_long_as_published(mscope, cluster, seconds):
    measured = attach(mscope, f"sim:stm32,stage=cube,cluster={cluster}")
    assert measured == pytest.approx(seconds, rel=0.10)


def test_larger_clusters_and_better_firmware_help(mscope):
    times = [attach(mscope, f"sim:stm32,stage={stage},cluster={cluster}")
             for stage, cluster in (("cube", "4k"), ("cube", "16k"), ("cube", "32k"), ("double", "32k"), ("yield", "32k"))]
    assert times == sorted(times, reverse=True)
    assert times[-1] < times[0] / 5
