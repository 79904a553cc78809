# SPDX-License-Identifier: BSD-2-Clause
"""Every legal variant against every rule: none raises a warning or a failure but in the profiles that its own entry names."""
import json

import pytest
from conftest import listing

VARIANTS = {v["name"]: v for v in listing("variants")}
SEVERITY = {r["name"]: r["severity"] for r in listing("rules")}
PROFILES = ("spec", "usbif", "interop")


@pytest.mark.nosan
@pytest.mark.parametrize("writes", [False, True], ids=["reads", "writes"])
@pytest.mark.parametrize("name", VARIANTS)
def test_a_variant_raises_no_alarm(mscope, name, writes):
    """What is found does not depend on the profile, only how severe it is: one run answers for all of them."""
    process = mscope.popen("check", f"sim:reference,variant={name}", "--profile", "spec", "--json", "-", *["--allow-writes"][:writes])
    out, err = process.communicate(timeout=120)
    assert process.returncode in (0, 1), err.decode()
    document = json.loads(out)
    excused = VARIANTS[name]["profiles"]
    alarms = {(profile, f["rule"], c["name"]) for c in document["cases"] for f in c["findings"] for profile in PROFILES
              if profile not in excused and SEVERITY[f["rule"]][profile] in ("warn", "fail")}
    assert alarms == set()
    assert [c["name"] for c in document["cases"] if c["verdict"] == "error"] == []
    assert document["summary"]["pass"] > 100


def test_each_says_why_it_is_legal():
    assert len(VARIANTS) >= 100
    for name, v in VARIANTS.items():
        assert v["legal"] and v["title"] and set(v["profiles"]) <= set(PROFILES), name


def test_a_variant_brings_its_knobs(mscope):
    assert mscope.json("probe", "sim:reference,variant=block-4096")["units"][0]["capacity"]["block_size"] == 4096


def test_an_unknown_variant_is_refused(mscope):
    done = mscope("check", "sim:reference,variant=late-9s", status=2)
    assert "no variant called 'late-9s'" in done.err and "late-" in done.err
