# SPDX-License-Identifier: BSD-2-Clause
"""Simulated devices whose causes can be mended by a knob, so that what pace promises can be held against what mending
saves. A mended build differs in the one cause alone. All times are virtual."""
import dataclasses
import os
import subprocess
from pathlib import Path


STAGES = ["cube", "async", "double", "single-block", "yield"]
CARDS = ["c6-8g", "c10-8g", "sd-32g"]
HOSTS = ["uhci", "ohci", "xhci"]
CARD_READ = {"full": [50, 200, 500, 800, 2000], "high": [8, 20, 50, 300]} # us a block
HOSTS_AT = {"full": HOSTS, "high": ["ehci", "xhci"]} # uhci and ohci know no high speed, ehci nothing else
MATTERS = {"tick-bound": .05, "single-buffered": .05, "medium-in-interrupt": .05,
           "medium-bound": .1, "host-limited": .05} # of the time: what saves less need not be named first; a command's own need not below .1
WITHIN = 0.005 # of the time: what a bench of 24 reads leaves open


def published():
    """Each stage of stm32 with each card on each host controller."""
    return [f"sim:stm32,stage={s},card={c},host={h}" for s in STAGES for c in CARDS for h in HOSTS]


def slow_media():
    """The reference on each host controller, with media from faster to slower than the bus."""
    return [f"sim:reference,speed={speed},host={h},card-read={us}us"
            for speed in HOSTS_AT for h in HOSTS_AT[speed] for us in CARD_READ[speed]]


def few_packets(hosts=HOSTS, packets=range(1, 20)):
    """Hosts that take fewer packets a frame than fit."""
    return [f"sim:stm32,stage={s},host={h},packets={n}" for s in STAGES for h in hosts for n in packets]


def drawn(rng):
    """A build of stm32 that nobody chose."""
    knobs = [f"host={rng.choice(HOSTS)}"]
    if rng.random() < .6:
        knobs.append(f"read-wait={rng.choice([1, 20, 50, 100, 200, 400, 620, 700, 1000, 1500, 3000])}us")
    if rng.random() < .4:
        knobs.append(f"block={rng.choice([50, 100, 200, 280, 400, 800])}us")
    if rng.random() < .4:
        knobs.append(f"tick={rng.choice([0, 100, 200, 500, 700, 1000, 3000, 10000])}us")
    return f"sim:stm32,stage={rng.choice(STAGES)},{','.join(knobs)}"


def changed(target, **knobs):
    kept = [k for k in target.split(",") if k.split("=")[0] not in {name.replace("_", "-") for name in knobs}]
    return ",".join(kept + [f"{name.replace('_', '-')}={value}" for name, value in knobs.items()])


def stage_of(target):
    return next((k.split("=")[1] for k in target.split(",") if k.startswith("stage=")), "yield")


def mends(target):
    """[(the names of the cause, the target without it)]."""
    if "packets=" in target and "packets=0" not in target:
        other = changed(target, packets=0)
        return [(("host-limited",), other), *((names, changed(t, packets=target.split("packets=")[1].split(",")[0]))
                                              for names, t in mends(other))]
    if target.startswith("sim:reference"): # whichever way its medium's time shows
        return [(("medium-bound", "medium-in-interrupt", "per-command-cost"), changed(target, card_read="0us"))]
    return {"cube": [(("medium-in-interrupt",), changed(target, stage="async", tick="0ms"))],
            "async": [(("single-buffered",), changed(target, stage="double")),
                      (("tick-bound",), changed(target, tick="0ms"))],
            }.get(stage_of(target), [(("tick-bound",), changed(target, tick="0ms"))])


def all_mended(target):
    """stm32 without any of them. Reading block by block, as the last two stages do, is none of them."""
    stage = "double" if stage_of(target) in ("cube", "async", "double") else "yield"
    return changed(target, stage=stage, tick="0ms")


def blocks_of(target):
    return 240 if "speed=high" in target or ".so," in target and "speed=full" not in target else 64


def held_against_mending(document, target, mean_ns, mended=None):
    """`mended`: as mends(target) gives it. [(cause, named first or tied with it, what it is said to save, what it saves)], of the time of a read."""
    firsts = [d for i, d in enumerate(document["diagnosis"]) if not i or d["tied"]]
    rows = []
    for names, other in mends(target) if mended is None else mended:
        saved = 1 - mean_ns(other) / mean_ns(target)
        saves = max((d["saves"] for d in document["diagnosis"] if d["id"] in names),
                    key=lambda s: s["most"], default=None)
        named = any(d["id"] in names and holds(d["saves"], saved) for d in firsts)
        rows.append((names[0], named, saves, saved))
    return rows


def holds(saves, saved):
    return saves["least"] - WITHIN <= saved <= saves["most"] + WITHIN


def floor_holds(document, target, mean_ns):
    """The block of a build with everything mended, to what a command costs beside its blocks."""
    said, block = document["model"]["mended_block_ns"], mean_ns(all_mended(target)) / blocks_of(target)
    return said["least"] * .985 <= block <= said["most"] * 1.05 + 20e3


# ---- a stack that is none of mscope's own: the example's disk on pace_board.c -----------------------------------------

HERE = Path(__file__).resolve().parent
EXAMPLE = HERE.parent.parent / "examples" / "firmware"
FAULT = .05 # of the time: a limit is asked for only where no fault saves so much, and so near is as good as first
FOREIGN_HOSTS = ["speed=full,host=uhci", "speed=full,host=ohci", "speed=full,host=xhci", "host=ehci", "host=ehci",
                 "host=xhci", "host=xhci", "host=xhci,moderation=40us"]


@dataclasses.dataclass(frozen=True)
class Board:
    """Settings of pace_board.c, and those of the bench."""
    blocks: int = 1
    hold: int = 1
    copy_ns: int = 0
    deaf: int = 0
    look_ns: int = 0
    wake_ns: int = 0
    feed_ns: int = 0
    bench: str = "host=xhci"
    medium_us: int = 0

    def target(self, folder):
        """Built there if it is not there yet."""
        built = (self.blocks, self.hold, self.copy_ns, self.deaf, self.look_ns, self.wake_ns, self.feed_ns)
        out = Path(folder) / f"board-{'-'.join(map(str, built))}.so"
        if not out.exists():
            text = (EXAMPLE / "disk.c").read_text()
            other = text.replace("BUFFER_BLOCKS = 16", f"BUFFER_BLOCKS = {self.blocks}")
            assert other != text
            disk = out.with_suffix(".c")
            disk.write_text(other)
            cc = [os.environ.get("CC", "cc").split()[-1], "-std=c11", "-O1", "-fPIC", f"-I{EXAMPLE}"]
            given = [f"-Dhw_{name}=board_{name}" for name in ("transmit", "abort", "read", "wait")]
            subprocess.run([*cc, *given, "-c", "-o", out.with_suffix(".o"), disk], check=True)
            settings = [f"-D{name}={value}" for name, value in (
                ("BUFFER_BLOCKS", self.blocks), ("HOLD", self.hold), ("COPY_NS", self.copy_ns), ("DEAF", self.deaf),
                ("LOOK_NS", self.look_ns), ("WAKE_NS", self.wake_ns), ("FEED_NS", self.feed_ns))]
            subprocess.run([*cc, *settings, "-Wall", "-Wextra", "-Werror", f"-I{EXAMPLE.parent.parent / 'lib'}", "-shared",
                            "-o", out, out.with_suffix(".o"), HERE / "pace_board.c"], check=True)
        return f"sim:{out},{self.bench},read-time={self.medium_us}us"

    def mends(self):
        """[(the names of the cause, the board without it)]. A second buffer takes the wait for the next look with it, so
        where the task looks at a grid only that is mended."""
        other = lambda **kw: dataclasses.replace(self, **kw) # noqa: E731
        works = self.copy_ns or self.medium_us
        found = []
        if self.deaf and works:
            found.append((("medium-in-interrupt",), other(deaf=0, copy_ns=0, hold=self.hold if self.look_ns else 2)))
        if self.hold == 1 and not self.look_ns:
            found.append((("single-buffered",), other(hold=2)))
        if self.feed_ns:
            found.append((("packet-by-packet",), other(feed_ns=0)))
        if self.look_ns or self.wake_ns:
            found.append((("tick-bound",), other(look_ns=0, wake_ns=0)))
        elif works:
            names = ("medium-bound", "per-command-cost") + ("medium-in-interrupt",) * self.deaf
            found.append((names, other(copy_ns=0, medium_us=0)))
        return found


def foreign(rng):
    """A board that nobody chose."""
    return Board(blocks=rng.choice([1, 1, 1, 2, 8]), hold=rng.choice([1, 1, 2]),
                 copy_ns=rng.choice([0, 0, 5000, 20000, 100000]), deaf=rng.choice([0, 0, 1]),
                 look_ns=rng.choice([0, 0, 0, 0, 200000, 1000000]), bench=rng.choice(FOREIGN_HOSTS),
                 medium_us=rng.choice([0, 2, 5, 10, 20, 50, 100, 300]))


def names_what_saves_most(rows):
    """(the cause, what it saves, whether it is named first). Limits count where no fault matters."""
    faults = [row for row in rows if row[0] != "medium-bound" and row[3] > FAULT] or rows
    best = max(faults, key=lambda row: row[3])
    return best[0], best[3], any(row[1] and row[3] >= best[3] - FAULT for row in faults)
