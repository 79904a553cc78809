"""QEMU's sticks on three host controllers under `mscope check`: what it says of them is listed in expected/, and docs/devices.md explains
it. MSC_GOLDEN_UPDATE=1 writes the lists anew.

QEMU's model of a stick ends QEMU when some cases go wrong for it; these are left out, and so is what lasts long.
"""

import json
import os

import pytest

from conftest import HERE
from suite import findings, select, selection, unexplained

CONTROLLERS = ["uhci", "ehci", "xhci"]
PATTERNS = ["usb.*", "bot.case*", "scsi.inquiry.*", "scsi.capacity.*", "scsi.mode-sense6.*", "scsi.read10.*", "scsi.sense.*",
            "scsi.write10.*"]
QUEUED = ["bot.case06.inquiry", "bot.case06.read10", "bot.case06.read10-sizes", "bot.case12.write10", "scsi.read10.same"]
LEFT_OUT = [
    # docs/devices.md, "Cases that crash QEMU"
    "bot.case02.read10", "bot.case05.read10-odd", "bot.case05.huge",
]


class Runs:
    """The result on each stick, made when it is first asked for."""

    def __init__(self, shared_machine):
        self._shared = shared_machine
        self._done = {}

    def __call__(self, controller, queued=False):
        if (controller, queued) not in self._done:
            self._done[controller, queued] = self._run(controller, queued)
        return self._done[controller, queued]

    def _run(self, controller, queued):
        vm = self._shared.ready()
        self.names = QUEUED if queued else selection(PATTERNS, LEFT_OUT)
        options = ["--queued", "-vv"] if queued else []
        done = vm.run(["mscope", "check", f"usb:serial={controller}", "--allow-writes", "--timeout", "1s", *options, *select(self.names),
                       "--json", "/tmp/result.json"], timeout=600)
        result = json.loads(vm.pull("/tmp/result.json"))
        assert result["reason"] is None, result["reason"]
        assert sorted(case["name"] for case in result["cases"]) == sorted(self.names)
        assert done.status == result["exit_status"]
        return result


@pytest.fixture(scope="module")
def runs(shared_machine):
    return Runs(shared_machine)


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_the_findings_are_those_listed(runs, controller):
    result = runs(controller)
    assert "error" not in {case["verdict"] for case in result["cases"]}
    path = HERE / f"expected/stick-{controller}.txt"
    text = "\n".join(findings(result)) + "\n"
    if os.environ.get("MSC_GOLDEN_UPDATE"):
        path.write_text(text)
    assert text == path.read_text()


@pytest.mark.parametrize("controller", CONTROLLERS)
def test_the_findings_are_explained(runs, controller):
    assert unexplained(findings(runs(controller)), "QEMU's sticks") == []


def test_queued_on_uhci(runs):
    result = runs("uhci", queued=True)
    assert result["notes"] == []
    queued = [record["queued"] for case in result["cases"] for record in case["exchanges"] if record["kind"] == "exchange"]
    assert queued and all(queued)
    assert [case["verdict"] for case in result["cases"] if "write" not in case["name"]] == ["pass"] * 4


@pytest.mark.parametrize("controller", ["ehci", "xhci"])
def test_queued_is_found_not_to_work(runs, controller):
    result = runs(controller, queued=True)
    note, = result["notes"]
    assert note.startswith("driven serially: ")
    assert not any(record["queued"] for case in result["cases"] for record in case["exchanges"] if record["kind"] == "exchange")
    assert [case["verdict"] for case in result["cases"]] == ["pass"] * 5
