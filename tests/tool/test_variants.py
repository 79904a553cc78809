# SPDX-License-Identifier: BSD-2-Clause
"""Every legal variant against every rule: none raises a warning or a failure but in the profiles that its own entry names."""
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import listing

VARIANTS = {v["name"]: v for v in listing("variants")}
SEVERITY = {r["name"]: r["severity"] for r in listing("rules")}
RANK = {"ignore": 0, "note": 1, "warn": 2, "fail": 3}
PROFILES = ("spec", "usbif", "interop")


def alarms(name, told):
    """Of the cases of a run in profile spec, or of the exchanges of a capture. What weighs less there than its rule does weighs no
    more elsewhere."""
    def weight(f, profile):
        severity = SEVERITY[f["rule"]]
        return f["severity"] if RANK[f["severity"]] < RANK[severity["spec"]] else severity[profile]

    return {(profile, f["rule"], where.get("name")) for where in told for f in where["findings"] for profile in PROFILES
            if profile not in VARIANTS[name]["profiles"] and weight(f, profile) in ("warn", "fail")}


@pytest.mark.nosan
@pytest.mark.parametrize("writes", [False, True], ids=["reads", "writes"])
@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_raises_no_alarm(mscope, name, writes):
    """What is found does not depend on the profile, only how severe it is: one run answers for all of them, and so does its capture,
    which goes through a pipe. Of the capture only what is a warning or a failure in spec is looked at: more than all of it weighs
    nowhere, but for scsi.capacity.block, which the run itself shows."""
    os.mkfifo(mscope.cwd / "run.pcap")
    decode = mscope.popen("decode", "run.pcap", "--profile", "spec", "-q", "--json", "-")
    process = mscope.popen("check", f"sim:reference,variant={name}", "--profile", "spec", "--json", "-", "--record", "run.pcap",
                           "--record-transfers", *["--allow-writes"][:writes])
    with ThreadPoolExecutor(1) as pool:
        exchanges = pool.submit(decode.communicate, timeout=120)
        out, err = process.communicate(timeout=120)
        assert process.returncode in (0, 1), err.decode()
        captured, err = exchanges.result()
    assert decode.returncode in (0, 1), err.decode()
    document = json.loads(out)
    assert alarms(name, document["cases"]) == set()
    assert alarms(name, json.loads(captured)["exchanges"]) == set()
    assert [c["name"] for c in document["cases"] if c["verdict"] == "error"] == []
    assert document["summary"]["pass"] > 100


def test_each_says_why_it_is_legal():
    assert len(VARIANTS) >= 100
    for name, v in VARIANTS.items():
        assert v["legal"] and v["title"] and set(v["profiles"]) <= set(PROFILES), name


BUSY = """\
name: busy.{0}
title: a device that works on a command answers endpoint 0, and a reset ends it
spec: [USB 2.0 9.2.6.4]
steps:
  - command: {1}
    during: {{ status: [{{ wait: 5ms }}, {{ get_status: {{ of: in, expect: done }} }}] }}
  - command: {1}
    take: 0
  - get_status: {{ of: in, expect: done }}
  - port_reset
  - get_status: {{ of: in, expect: done }}
  - ready
  - command: {1}
    take: 0
  - reset_recovery
  - command: {1}
"""


@pytest.mark.parametrize("variant, command, seconds", [
    ("slow-synchronize", "synchronize_cache10", 12),
    ("slow-start", "{ start_stop_unit: { start: 1 } }", 12),
    ("slow-capacity", "read_capacity10", 28),
    ("slow-verify", "{ verify10: { lba: 0, blocks: 1 } }", 12),
])
def test_a_slow_command_does_not_keep_endpoint_0_waiting(mscope, tmp_path, variant, command, seconds):
    """It takes its time twice; the two that a reset ends take none, and are forgotten."""
    (tmp_path / "busy.yaml").write_text(BUSY.format(variant, command))
    d = mscope.json("run", f"sim:reference,variant={variant}", "busy.yaml", "--profile", "spec")
    assert d["cases"][0]["verdict"] == "pass" and abs(d["device_ns"] / 1e9 - seconds) < 0.5


STATUS = """\
name: busy.status
title: a device that is about to give a CSW answers endpoint 0
spec: [USB 2.0 9.2.6.4]
scratch: 1
steps:
  - command: { write10: { lba: scratch, blocks: 1 } }
    during: { status: [{ wait: 5ms }, { clear_halt: out }] }
  - command: test_unit_ready
"""


def test_a_slow_status_does_not_keep_endpoint_0_waiting(mscope, tmp_path):
    (tmp_path / "busy.yaml").write_text(STATUS)
    mscope("run", "sim:reference,variant=slow-status", "busy.yaml", "--profile", "spec", "--allow-writes", "--log", "trace")
    cleared, status = re.search(r"mscope: ([\d.]+ m?s): transport: clear halt 0x02: done\nmscope: ([\d.]+ m?s): transport: bulk-in .* 13 of",
                                (tmp_path / "trace").read_text()).groups()
    assert cleared.endswith(" ms") and status != cleared


RESETS = """\
name: busy.reset
title: what was written is looked at once the unit is ready again
spec: [SPC-2 7.25]
scratch: 1
steps:
  - command: { write10: { lba: scratch, blocks: 1 } }
  - port_reset
"""


@pytest.mark.parametrize("variant", ["late-8s", "late-start", "late-start-needless", "late-unconfigured"])
def test_a_unit_that_is_late_behind_a_write_has_not_lost_its_medium(mscope, tmp_path, variant):
    (tmp_path / "busy.yaml").write_text(RESETS)
    d = mscope.json("run", f"sim:reference,variant={variant}", "busy.yaml", "--profile", "spec", "--allow-writes")
    assert d["cases"][0]["verdict"] == "pass" and d["notes"] == []


def test_a_variant_brings_its_knobs(mscope):
    assert mscope.json("probe", "sim:reference,variant=block-4096")["units"][0]["capacity"]["block_size"] == 4096


def test_an_unknown_variant_is_refused(mscope):
    done = mscope("check", "sim:reference,variant=late-9s", status=2)
    assert "no variant called 'late-9s'" in done.err and "late-" in done.err


@pytest.mark.parametrize("variant, length", [("subclass-mmc", 12), ("subclass-ufi", 12), ("subclass-sff8070i", 12), ("subclass-rbc", 6)])
def test_command_blocks_of_12_bytes(mscope, variant, length):
    """As the subclass has them; what a scenario or send sets stays."""
    (mscope.cwd / "own.yaml").write_text("name: own.read\ntitle: t\nspec: [x]\nsteps:\n  - command: test_unit_ready\n"
                                         "  - command: { read10: { lba: 0, blocks: 1 } }\n"
                                         "  - command: test_unit_ready\n    cbw: { cb_length: 7 }\n"
                                         "    expect: { status: 9 }\n".replace("status: 9", "status: failed"))
    cases = mscope.json("run", f"sim:reference,variant={variant}", "own.yaml", status=1)["cases"]
    wrappers = [bytes.fromhex(e["wrapper"]) for e in cases[0]["exchanges"] if e["kind"] == "exchange"]
    lengths = [(w[15], w[14]) for w in wrappers if w[15] in (0x00, 0x28)]
    assert lengths == [(0x00, length), (0x28, max(length, 10)), (0x00, 7)]
    sent = mscope.json("send", f"sim:reference,variant={variant}", "--raw", "00" * 6, status=1)
    assert bytes.fromhex(sent["exchanges"][0]["wrapper"])[14] == 6


# A host that takes less gets the beginning of what another gets.
CUT = """name: cut.{name}
title: an answer that the host cuts is the beginning of the whole
spec: [BOT 1.0 6.7.2]
steps:
  - ready
  - command: {{ {command}: {{ {fields}alloc: 252 }} }}
    save: whole
  - if: status == 0
    do:
      - for: {{ n: [{least}..40] }}
        do:
          - command: {{ {command}: {{ {fields}alloc: n }} }}
            expect: {{ data: whole }}
"""
ANSWERS = [("inquiry", "", 5), ("mode_sense6", "page: 0x3f, ", 1), ("mode_sense10", "page: 0x3f, ", 1), ("report_luns", "", 16),
           ("read_capacity16", "", 1), ("read_format_capacities", "", 4)]


@pytest.mark.nosan
def test_a_cut_answer_is_the_beginning_of_the_whole(mscope):
    for command, fields, least in ANSWERS:
        (mscope.cwd / f"{command}.yaml").write_text(CUT.format(name=command.replace("_", "-"), command=command, fields=fields, least=least))
    found = {}
    for name in VARIANTS:
        run = mscope("run", f"sim:reference,variant={name}", *(f"{command}.yaml" for command, _, _ in ANSWERS), "--json", "-", status=None)
        cases = json.loads(run.out)["cases"]
        assert run.returncode in (0, 1) and len(cases) == len(ANSWERS), run.err
        found |= {(name, c["name"]): f["message"] for c in cases for f in c["findings"] if f["rule"] == "expect.data"}
    assert found == {}
