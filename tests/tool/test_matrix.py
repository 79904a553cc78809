# SPDX-License-Identifier: BSD-2-Clause
"""Every fault against every rule: the self-test of the project. tests/golden/matrix.txt has a line
for each firmware (the rules that find something in it as it is) and for each fault (the rules that
find something more), all under profile spec with writes allowed. Nothing may be found in the
reference; a fault that nothing catches, and a rule that no fault proves, are failures.
"""
import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import TOP, UPDATE, Mscope, listing

pytestmark = pytest.mark.xdist_group("matrix")      # it is computed once
MATRIX = TOP / "tests" / "golden" / "matrix.txt"


def found(mscope, target):
    """The rules that find something, and the names of cases that could not be finished."""
    process = mscope.popen("check", target, "--allow-writes", "--profile", "spec", "--json", "-")
    out, err = process.communicate(timeout=120)
    assert process.returncode in (0, 1, 3), f"{target}: {process.returncode}: {err.decode()}"
    document = json.loads(out)
    return {f["rule"] for c in document["cases"] for f in c["findings"]}


def target_of(fault):
    return "sim:reference" + ("," + fault["target"] if fault["target"] else "")


@pytest.fixture(scope="module")
def matrix(tmp_path_factory):
    mscope = Mscope(tmp_path_factory.mktemp("matrix"))
    faults, firmware = listing("faults"), listing("firmware")
    plain = ["sim:" + f["name"] for f in firmware] + sorted({target_of(f) for f in faults})
    broken = [f"{target_of(f)},fault={f['name']}" for f in faults]
    targets = list(dict.fromkeys(plain + broken))
    with ThreadPoolExecutor(2) as pool:
        rules = dict(zip(targets, pool.map(lambda t: found(mscope, t), targets)))
    proof = {f["name"]: rules[f"{target_of(f)},fault={f['name']}"] - rules[target_of(f)]
             for f in faults}
    return {t: rules[t] for t in plain}, proof


def test_matrix_is_as_committed(matrix):
    plain, proof = matrix
    lines = [f"{name}\t{' '.join(sorted(rules)) or '-'}\n"
             for name, rules in [*plain.items(), *sorted(proof.items())]]
    if UPDATE:
        MATRIX.write_text("".join(lines).expandtabs(48))
    assert MATRIX.read_text() == "".join(lines).expandtabs(48)


def test_matrix_finds_nothing_in_the_reference(matrix):
    assert {t: r for t, r in matrix[0].items() if t.startswith("sim:reference") and r} == {}


def test_matrix_catches_every_fault(matrix):
    assert [name for name, rules in matrix[1].items() if not rules] == []


def test_matrix_proves_every_rule(matrix):
    proven = set().union(*matrix[1].values())
    assert [r["name"] for r in listing("rules") if r["name"] not in proven] == []


def test_matrix_keeps_the_promise_of_each_fault(matrix):
    rules = {r["name"] for r in listing("rules")}
    broken = {}
    for fault in listing("faults"):
        promised = set(fault["caught_by"])
        assert promised and promised <= rules, f"{fault['name']}: {promised - rules}"
        if promised - matrix[1][fault["name"]]:
            broken[fault["name"]] = sorted(promised - matrix[1][fault["name"]])
    assert broken == {}


@pytest.mark.parametrize("profile", ["spec", "usbif", "interop"])
def test_matrix_reference_passes_in(mscope, profile):
    for writes in ([], ["--allow-writes"]):
        for target in ("sim:reference", "sim:reference,speed=full", "sim:reference,luns=2"):
            s = mscope.json("check", target, "--profile", profile, *writes)["summary"]
            assert s["fail"] == s["warn"] == s["error"] == 0 and s["pass"] > 0, target
