# SPDX-License-Identifier: BSD-2-Clause
"""Every fault against every rule: the self-test of the project. tests/golden/matrix.txt has a line for each firmware (the rules
that find something in it as it is) and for each fault (the rules that find something more), under profile spec: how many do so
in a run that only reads (ro=), how many in one that may write (rw=), and which; those in parentheses need to write. Nothing may
be found in the reference; a fault that nothing catches, and a rule that no fault proves, are failures.
"""
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import MATRIX, UPDATE, Mscope, listing

# It is computed once, and the sanitizers see the same faults in test_faults.py.
pytestmark = [pytest.mark.xdist_group("matrix"), pytest.mark.nosan]


def found(mscope, target, writes):
    """The rules that find something."""
    process = mscope.popen("check", target, *["--allow-writes"][:writes], "--profile", "spec", "--json", "-")
    out, err = process.communicate(timeout=120)
    assert process.returncode in (0, 1, 3), f"{target}: {process.returncode}: {err.decode()}"
    return {f["rule"] for c in json.loads(out)["cases"] for f in c["findings"]}


def target_of(fault):
    return "sim:reference" + ("," + fault["target"] if fault["target"] else "")


def line(name, reads, writes):
    """One of the file."""
    rules = [r if r in reads else f"({r})" for r in sorted(writes)] + [f"[{r}]" for r in sorted(reads - writes)]
    return f"{name:<40} ro={len(reads):<3} rw={len(writes):<3} {' '.join(rules) or '-'}\n"


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    """Two pairs of {name: rules}, of runs that read and of runs that write: of whole firmware, and of faults."""
    mscope = Mscope(tmp_path_factory.mktemp("matrix"))
    faults, firmware = listing("faults"), listing("firmware")
    # What a hostile device does follows from its seed and from every scenario before, and a recorded one needs a capture; neither
    # proves anything.
    plain = ["sim:" + f["name"] for f in firmware if f["name"] not in ("hostile", "recorded")] + sorted({target_of(f) for f in faults})
    broken = {f["name"]: f"{target_of(f)},fault={f['name']}" for f in faults}
    runs = [(t, w) for t in dict.fromkeys(plain + list(broken.values())) for w in (False, True)]
    with ThreadPoolExecutor(2) as pool:
        rules = dict(zip(runs, pool.map(lambda run: found(mscope, *run), runs)))
    return ([{t: rules[t, w] for t in dict.fromkeys(plain)} for w in (False, True)],
            [{f["name"]: rules[broken[f["name"]], w] - rules[target_of(f), w] for f in faults} for w in (False, True)])


def test_matrix_is_as_committed(matrix):
    text = "".join(line(name, reads[name], writes[name])
                   for reads, writes in matrix for name in reads)
    if UPDATE:
        MATRIX.write_text(text)
    assert MATRIX.read_text() == text


def test_matrix_finds_nothing_in_the_reference(matrix):
    assert {t: r for run in matrix[0] for t, r in run.items() if t.startswith("sim:reference") and r} == {}


def test_matrix_catches_every_fault(matrix):
    assert [name for name, rules in matrix[1][True].items() if not rules] == []


def test_matrix_proves_every_rule(matrix):
    proven = set().union(*matrix[1][True].values())
    # No model dies: tests/tool/test_external.py has firmware that does.
    assert [r["name"] for r in listing("rules") if r["name"] not in proven] == ["firmware.dead"]


def test_matrix_keeps_the_promise_of_each_fault(matrix):
    """The rules that a fault names find it, in a run that only reads unless it says that they need to write."""
    rules = {r["name"] for r in listing("rules")}
    broken = {}
    for fault in listing("faults"):
        promised = set(fault["caught_by"])
        assert promised and promised <= rules, f"{fault['name']}: {promised - rules}"
        missed = promised - matrix[1][fault["needs_writes"]][fault["name"]]
        if missed:
            broken[fault["name"]] = sorted(missed)
    assert broken == {}
