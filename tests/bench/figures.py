# SPDX-License-Identifier: BSD-2-Clause
"""What the benches share: running the program, and a line for each figure, its goal and its peer beside it."""
import json
import os
import pathlib
import resource
import subprocess
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = os.path.abspath(os.environ.get("MSCOPE", TOP / "build" / "mscope"))


def title(text):
    print(f"\n{text:<46} {'measured':>20}   {'to reach':<20} peer", flush=True)


def figure(what, measured, goal="", peer="", reached=None):
    """reached: True, False, or None where there is nothing to reach."""
    mark = {True: "ok", False: "MISSED", None: ""}[reached]
    print(f"  {what:<44} {measured:>20}   {goal:<20} {peer:<28} {mark}".rstrip(), flush=True)


def not_taken(what, goal, why):
    """A figure that there is none of."""
    figure(what, "not taken", goal, why)


def run(*args, status=(0, 1)):
    done = subprocess.run([PROGRAM, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode not in status:
        raise SystemExit(f"mscope {' '.join(map(str, args))}: exit status {done.returncode}\n{done.stderr}")
    return done


def timed(*args, times=5):
    """The shortest wall-clock time of a few runs, in seconds."""
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        run(*args)
        best = min(best, time.perf_counter() - began)
    return best


def worked(*args, times=5):
    """The least processor time of a few runs, in seconds: of the program alone, on a busy machine too."""
    best = float("inf")
    for _ in range(times):
        began = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(*args)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime)
    return best


def document(*args):
    with tempfile.TemporaryDirectory() as where: # the file is put in place whole, under its name
        path = pathlib.Path(where) / "document.json"
        run(*args, "--json", path, "-q")
        return json.loads(path.read_text())


def rate(doc, mode, blocks):
    """(bytes per second, median ns) of one run of a mscope.bench/1. None: there is no rate where a run took less time than its
    bytes need on the bus, as happens behind an emulator that is late, and neither where there is no sample or no such run."""
    r = next((r for r in doc["runs"] if (r["mode"], r["blocks"]) == (mode, blocks)), {})
    return tuple((r.get(what) or {}).get("median") for what in ("bytes_per_second", "latency_ns"))


def mean_ns(doc, mode, blocks):
    """The mean time of a command with what lies between commands, as dd measures."""
    r = next(r for r in doc["runs"] if (r["mode"], r["blocks"]) == (mode, blocks))
    return r["elapsed_ns"] / r["commands"]
