"""What two devices did in the same run, step by step, and where they differ.

Compared is behaviour: which transfers stalled, how many bytes moved and which, residue, status, the answers of control requests, what
lay on an endpoint that was looked at, and the verdict. Times are not, nor how the host cut the data into transfers.
"""

import tomllib
from fnmatch import fnmatch

FIELDS = {
    "exchange": ("outcomes", "transferred", "data", "residue", "status"),
    "control": ("outcome", "transferred", "data"),
    "poll": ("outcome", "transferred", "data"),
    "reset": ("outcome",),
}


class Differences:
    """Those that are known, from a file: for each a scenario, what differs, on which variants, and the reason."""

    def __init__(self, path):
        self._known = tomllib.loads(path.read_text())["difference"]
        for known in self._known:
            assert {"scenario", "what", "variants", "reason"} == set(known), f"{path}: {known}"

    def judge(self, variant, found):
        """Lines about what is new and about what was expected and did not happen; none when all is as known."""
        expected = [known for known in self._known if any(fnmatch(variant, pattern) for pattern in known["variants"])]
        unknown = [f"{scenario}: {what}" for scenario, what in found
                   if not any(known["scenario"] == scenario and fnmatch(what, known["what"]) for known in expected)]
        absent = [f"{known['scenario']}: known and no longer so: {known['what']}" for known in expected
                  if not any(known["scenario"] == scenario and fnmatch(what, known["what"]) for scenario, what in found)]
        return unknown + absent


def compare(real, simulated):
    """Differences between two documents mscope.result/1 with all their exchanges, as pairs (scenario, what)."""
    ours, theirs = ({case["name"]: case for case in document["cases"]} for document in (real, simulated))
    found = [(name, "only one of them has this scenario") for name in ours.keys() ^ theirs.keys()]
    for name in ours.keys() & theirs.keys():
        found += [(name, what) for what in _compare_cases(ours[name], theirs[name])]
    return sorted(found)


def _compare_cases(real, simulated):
    for case in (real, simulated):
        assert case.get("exchanges_omitted", 0) == 0 and "exchanges" in case, f"{case['name']}: not all exchanges are there; run with -vv"
    if (real["verdict"], real["reason"]) != (simulated["verdict"], simulated["reason"]):
        yield f"verdict {_verdict(real)}, simulated {_verdict(simulated)}"
        if "skip" in (real["verdict"], simulated["verdict"]):
            return
    for number, (one, other) in enumerate(zip(real["exchanges"], simulated["exchanges"]), 1):
        where = f"step {number}, {one['command']}"
        if (one["kind"], one["command"]) != (other["kind"], other["command"]):
            yield f"{where}, simulated {other['command']}"
            return                      # what follows cannot be compared
        for field in FIELDS[one["kind"]]:
            if _value(one, field) != _value(other, field):
                yield f"{where}: {field} {_value(one, field)}, simulated {_value(other, field)}"
    if len(real["exchanges"]) != len(simulated["exchanges"]):
        yield f"{len(real['exchanges'])} steps, simulated {len(simulated['exchanges'])}"


def _verdict(case):
    return f"{case['verdict']} ({case['reason']})" if case["reason"] else case["verdict"]


def _value(record, field):
    if field != "outcomes":
        return record[field]
    words = [f"{step['phase']} {step['outcome']}" for step in record["steps"]]
    return ", ".join(word for i, word in enumerate(words) if i == 0 or word != words[i - 1] or "stall" in word)
