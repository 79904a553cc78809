# SPDX-License-Identifier: BSD-2-Clause
"""A full-speed device behind a high-speed hub: nothing is wrong with it, and what it costs is the hub's."""
import pytest
from test_documents import validate

NEIGHBOURS = ["hub=tt", "hub=multi-tt,neighbours=3", "hub=tt,neighbours=2",
              "hub=tt,neighbours=4,neighbour=interrupt,neighbour-bytes=8",
              "hub=tt,neighbours=2,neighbour=isochronous,neighbour-bytes=192"]


@pytest.mark.parametrize("host, hub", [("uhci", "hub=tt"), ("ohci", "hub=tt"), ("ehci", "hub=tt"), ("xhci", NEIGHBOURS[3])])
def test_a_conforming_device_raises_nothing(mscope, host, hub):
    target = f"sim:reference,speed=full,host={host},{hub}"
    if host in ("uhci", "ohci"):  # they know nothing of high speed
        assert "no high speed" in mscope("check", target, status=2).err
        return
    result = mscope.json("check", target, "--allow-writes", "--profile", "spec")
    summary = result["summary"]
    assert summary["pass"] > 250 and not summary["fail"] + summary["warn"] + summary["error"]
    assert not [f for c in result["cases"] for f in c["findings"] if f["severity"] in ("fail", "warn")]


@pytest.mark.parametrize("fault", ["residue-zero", "csw-tag"])
def test_a_defect_is_the_same_behind_it(mscope, fault):
    causes = [[c["id"] for c in mscope.json("check", f"sim:reference,speed=full,fault={fault}{hub}", status=1)["causes"]]
              for hub in ("", ",hub=tt,neighbours=1")]
    assert causes[0][0] == fault and causes[0] == causes[1]


@pytest.mark.nosan
def test_one_by_one_is_the_same(mscope):
    """Complete-splits that are asked in vain pass at once: nothing else may come of it."""
    args = ("check", "sim:stm32,hub=tt,neighbours=2,neighbour=interrupt", "--json", "-", "--select", "bot.case*")
    assert mscope(*args).out == mscope(*args, env={"MSCOPE_ONE_BY_ONE": "1"}).out


@pytest.mark.nosan
def test_rates(mscope):
    """Alone a packet takes the device's wire and two splits. A neighbour with as many packets has half of that wire, which
    is never idle then: half the rate of a device without a hub, if it has the same translator."""
    def rate(knobs):
        runs = mscope.json("bench", f"sim:reference,speed=full,host=xhci{knobs}", "--blocks", "64", "--mode", "queued")["runs"]
        return runs[0]["bytes_per_second"]["median"]

    alone, hub, one, apart = (rate(k) for k in ("", ",hub=tt", ",hub=tt,neighbours=1", ",hub=multi-tt,neighbours=1"))
    assert 0.85 < hub / alone < 0.95
    assert 0.49 < one / alone < 0.51
    assert 0.95 < apart / hub <= 1


@pytest.mark.parametrize("hub", NEIGHBOURS[1:])
def test_pace_does_not_blame_the_firmware(mscope, hub):
    document = mscope.json("pace", f"sim:reference,speed=full,{hub}")
    validate(document)
    assert document["diagnosis"][0]["id"] == "bus-bound" and document["diagnosis"][0]["share"] > 0.97
    assert "a hub translates" in document["diagnosis"][0]["advice"]
    assert {d["id"] for d in document["diagnosis"]} <= {"bus-bound", "host-paced"}
    assert document["model"]["translator_ns"] > 3000


@pytest.mark.nosan
def test_pace_of_writes_does_not_either(mscope):
    document = mscope.json("pace", "sim:reference,speed=full,hub=tt,neighbours=2", "--op", "write", "--allow-writes")
    assert [d["id"] for d in document["diagnosis"]] == ["bus-bound"]
    assert "a hub translates" in document["diagnosis"][0]["advice"]


@pytest.mark.nosan
@pytest.mark.parametrize("stage, cause", [("cube", "medium-in-interrupt"), ("double", "tick-bound"), ("yield", "medium-bound")])
def test_pace_still_sees_the_firmware(mscope, stage, cause):
    document = mscope.json("pace", f"sim:stm32,stage={stage},hub=tt")
    assert document["diagnosis"][0]["id"] == cause


def test_no_hub_no_word_of_it(mscope):
    document = mscope.json("pace", "sim:reference,speed=full,host=xhci")
    assert "translator_ns" not in document["model"] and "hub" not in str(document["diagnosis"])
