# SPDX-License-Identifier: BSD-2-Clause
"""Simulated devices whose causes can be mended by a knob, so that what pace promises can be held against what mending
saves. A mended build differs in the one cause alone. All times are virtual."""

STAGES = ["cube", "async", "double", "single-block", "yield"]
CARDS = ["c6-8g", "c10-8g", "sd-32g"]
HOSTS = ["uhci", "ohci", "xhci"]
CARD_READ = {"full": [50, 200, 500, 800, 2000], "high": [8, 20, 50, 300]} # us a block
HOSTS_AT = {"full": HOSTS, "high": ["ehci", "xhci"]} # uhci and ohci know no high speed, ehci nothing else
MATTERS = {"tick-bound": .05, "single-buffered": .05, "medium-in-interrupt": .05,
           "medium-bound": .1} # of the time: what saves less need not be named first; a command's own need not below .1
WITHIN = 0.005 # of the time: what a bench of 24 reads leaves open


def published():
    """Each stage of stm32 with each card on each host controller."""
    return [f"sim:stm32,stage={s},card={c},host={h}" for s in STAGES for c in CARDS for h in HOSTS]


def slow_media():
    """The reference on each host controller, with media from faster to slower than the bus."""
    return [f"sim:reference,speed={speed},host={h},card-read={us}us"
            for speed in HOSTS_AT for h in HOSTS_AT[speed] for us in CARD_READ[speed]]


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
    return 240 if "speed=high" in target else 64


def held_against_mending(document, target, mean_ns):
    """[(cause, named first or tied with it, what it is said to save, what it saves)], of the time of a read."""
    firsts = [d for i, d in enumerate(document["diagnosis"]) if not i or d["tied"]]
    rows = []
    for names, mended in mends(target):
        saved = 1 - mean_ns(mended) / mean_ns(target)
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
