"""What two devices did in the same run, step by step, and where they differ.

Compared is behaviour: which transfers stalled, how many bytes moved and which, residue, status, the answers of control requests, what
lay on an endpoint that was looked at, and the verdict. Times are not, nor into how many transfers the host cut the data.
"""

import tomllib
from fnmatch import fnmatchcase

FIELDS = {
    "exchange": ("outcomes", "transferred", "data", "residue", "status"),
    "control": ("outcome", "transferred", "data"),
    "poll": ("outcome", "transferred", "data"),
    "port_reset": (),
    "suspend": ("outcome",),
}


class Differences:
    """Those that are known, from a file: on which variants, in which scenarios, what differs, and the reason. All but the reason are
    patterns. Each must be met: one that has gone is told too, so that the file stays true."""

    def __init__(self, path):
        self._known = tomllib.loads(path.read_text())["difference"]
        for known in self._known:
            assert {"variants", "scenarios", "what", "reason"} == set(known), f"{path}: {known}"

    def judge(self, variant, run, found):
        """Lines about what is new and about what was expected and did not happen; none when all is as known. `run` are the names of
        the scenarios of this variant."""
        known = [(scenario, what) for entry in self._known if any(fnmatchcase(variant, pattern) for pattern in entry["variants"])
                 for scenario in entry["scenarios"] if any(fnmatchcase(name, scenario) for name in run) for what in entry["what"]]
        new = [f"{scenario}: {what}" for scenario, what in found if not any(_fits(scenario, what, entry) for entry in known)]
        gone = [f"{entry[0]}: known, and not so any more: {entry[1]}" for entry in known
                if not any(_fits(scenario, what, entry) for scenario, what in found)]
        return new + gone


def _fits(scenario, what, entry):
    return fnmatchcase(scenario, entry[0]) and fnmatchcase(what, entry[1])


def compare(real, simulated):
    """Differences between two documents mscope.result/1 with all their exchanges, as pairs (scenario, what)."""
    ours, theirs = ({case["name"]: case for case in document["cases"]} for document in (real, simulated))
    found = [(name, "only one of them has it") for name in ours.keys() ^ theirs.keys()]
    for name in ours.keys() & theirs.keys():
        found += [(name, what) for what in _compare_cases(ours[name], theirs[name])]
    return sorted(found)


def compare_verdicts(real, simulated):
    """Differences between two documents mscope.result/1 in the verdict of each case and in what the rules have found, as pairs."""
    ours, theirs = ({case["name"]: _judged(case) for case in document["cases"]} for document in (real, simulated))
    return sorted((name, f"verdict {ours.get(name)}, simulated {theirs.get(name)}") for name in ours.keys() | theirs.keys()
                  if ours.get(name) != theirs.get(name))


def _judged(case):
    return " ".join([_verdict(case), *sorted({f"{finding['rule']}:{finding['severity']}" for finding in case["findings"]})])


def _compare_cases(real, simulated):
    for case in (real, simulated):
        assert case.get("exchanges_omitted") == 0, f"{case['name']}: not all exchanges are there; run with -vv"
    if (real["verdict"], real["reason"]) != (simulated["verdict"], simulated["reason"]):
        yield f"verdict {_verdict(real)}, simulated {_verdict(simulated)}"
        if "skip" in (real["verdict"], simulated["verdict"]):
            return
    for number, (one, other) in enumerate(zip(real["exchanges"], simulated["exchanges"]), 1):
        where = f"step {number}, {one['command']}"
        if (one["kind"], one["command"]) != (other["kind"], other["command"]):
            yield f"{where}, simulated {other['command']}"
            return                      # from here on they are not alike
        for field in FIELDS[one["kind"]]:
            if _value(one, field) != _value(other, field):
                yield f"{where}: {field} {_value(one, field)}, simulated {_value(other, field)}"
    if len(real["exchanges"]) != len(simulated["exchanges"]):
        yield f"{len(real['exchanges'])} steps, simulated {len(simulated['exchanges'])}"


def _verdict(case):
    return f"{case['verdict']} ({case['reason']})" if case["reason"] else case["verdict"]


def _value(record, field):
    if field == "outcomes":
        words = [f"{step['phase']} {step['outcome']}" for step in record["steps"]]
        return ", ".join(word for i, word in enumerate(words) if "stall" in word or word not in words[:i])
    if field == "data" and "tag" in record:     # an old buffer may hold the CBW; tags are counted from the first exchange of a run
        return record["data"].replace(record["tag"].to_bytes(4, "little").hex(" "), "(tag)")
    return record[field]
