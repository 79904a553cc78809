"""What the tests of devices share: which scenarios there are, and what docs/devices.md says."""

import functools
import json
import subprocess
from fnmatch import fnmatchcase

from conftest import MSCOPE, REPOSITORY


@functools.cache
def catalogue(what):
    """What `mscope list` tells: "scenarios", "faults", "firmware"."""
    assert MSCOPE.exists(), f"{MSCOPE} is not built: run make"
    listed = subprocess.run([MSCOPE, "list", what, "--json", "-"], stdout=subprocess.PIPE, check=True)
    return json.loads(listed.stdout)[what]


def selection(patterns, left_out):
    """The names of the scenarios that match a pattern, and of the USB-IF's test descriptions. Those of one device (device:) have tests
    of their own."""
    return [scenario["name"] for scenario in catalogue("scenarios") if scenario["name"] not in left_out and
            not scenario["name"].startswith(("lsd.", "gadget.")) and
            ("usbif" in scenario["tags"] or any(fnmatchcase(scenario["name"], pattern) for pattern in patterns))]


def select(names):
    """The options that choose them."""
    return [word for name in names for word in ("--select", name)]


def findings(result):
    """The findings of a document mscope.result/1 that count: a line for each scenario that has some."""
    lines = []
    for case in result["cases"]:
        rules = sorted({finding["rule"] for finding in case["findings"] if finding["severity"] != "note"})
        if rules:
            lines.append(f"{case['verdict']} {case['name']}: {', '.join(rules)}")
    return sorted(lines)


def unexplained(lines, title):
    """The rules of findings() that docs/devices.md does not name below a heading."""
    text = (REPOSITORY / "docs/devices.md").read_text()
    told = text.split(f"\n## {title}\n", 1)[1].split("\n## ")[0]
    return sorted({rule for line in lines for rule in line.split(": ")[1].split(", ") if f"`{rule}`" not in told})
