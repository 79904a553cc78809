# SPDX-License-Identifier: BSD-2-Clause
"""Runs of the program in which one call fails, and what may come of that: shared by test_fail.py and the bench."""
import json
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).parent
SCENARIOS = HERE.parents[1] / "scenarios"
ENOUGH = 60     # seconds, of what takes a fraction of one
WHY = {"m": ("out of memory", "Cannot allocate memory", "No space left on device"),
       "o": ("Too many open files", "Cannot allocate memory"), "r": ("Input/output error",),
       "w": ("No space left on device", "Input/output error"), "s": ("Input/output error",),
       "n": ("Input/output error", "No space left on device")}
WAIVERS = '- case: "bot.case01.*"\n  rule: bot.csw.tag\n  reason: known\n  until: 2999-12-31\n'
REQUESTS = b"""{"id":1,"op":"command","cdb":"120000002400","in":36}
{"id":2,"op":"send","cdb":"000000000000","tag":7}
{"id":3,"op":"control","type":161,"request":254,"value":0,"index":0,"length":1}
{"id":4,"op":"read","lba":0,"blocks":1}
{"id":5,"op":"bench","blocks":[1],"count":3}
"""
CHECKS = REQUESTS + b'{"id":6,"op":"check","select":["bot.case01.tur"]}\n'
# What each runs on is copied into its directory: a capture, two results, waivers, and the medium in disk.img.
COMMANDS = {
    "send": "send sim:reference --in 36 --json out.json -- 12 00 00 00 24 00",
    "write scenario": f"run sim:reference,file=disk.img {SCENARIOS}/scsi/write10.yaml --allow-writes --json out.json "
                      "--junit out.xml",
    "record": "probe sim:reference --record out.pcap --json out.json",
    "decode": "decode c.pcap --json out.json",
    "decode to files": "decode c.pcap --image out.img --to-scenario out.yaml",
    "compare": "compare b.json b.json --json out.json",
    "report": "report o.json b.json -o out.html",
    "bench": "bench sim:reference,file=disk.img --blocks 1,8 --count 5 --json out.json",
    "soak": "soak sim:reference,file=disk.img --allow-writes --duration 20ms --json out.json",
    "fuzz": "fuzz sim:reference,fault=csw-tag --seed 1 --count 3 --json out.json",
    "session": "session sim:reference",
    "session that checks": "session sim:reference",
    "formats": f"run sim:reference,fault=csw-tag,fault=residue-zero {SCENARIOS}/bot/case05.yaml --report junit:out.xml "
               "--report tap:out.tap --report github:out.gh --report markdown:out.md --report lava:out.lava "
               "--report usbif:out.txt --record out.pcap --waive w.yaml --log out.log",
    "bench that writes": "bench sim:reference,file=disk.img --blocks 1,8 --count 6 --op write --verify --allow-writes "
                         "--json out.json",
    "replay": "replay c.pcap sim:reference --json out.json",
    "pace": "pace sim:stm32,stage=double --json out.json",
    "pace of a capture": "pace c.pcap --json out.json",
    "read": "read sim:lsd --lba 0 --blocks 4 -o out.bin",
    "ls": "ls sim:lsd",
    "list": "list --json out.json",
    "check": "check sim:reference,file=disk.img --allow-writes --json out.json --junit out.xml -s scsi.write10.* "
             "-s scsi.range.write* -s bot.case1[13].* -s bot.case0?.read10 -s scsi.inquiry*",
    "check -v": "check sim:lsd -v -s bot.case0?.*",
    "bring-up": "check sim:reference --bring-up",
    "dry run": "check sim:reference --dry-run -s bot.case*",
}


def build_shim(where):
    """The library that lets calls fail; see fail.c."""
    out = where / "fail.so"
    subprocess.run([os.environ.get("CC", "cc"), "-O1", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", out,
                    HERE / "fail.c", "-ldl"], check=True)
    return out


def is_of_others(stack):
    """Libraries that end the program themselves: libfyaml where it makes a parser, the C++ of libtsk, the loader of
    programs, which says so."""
    frames = [frame.split("+")[0] for frame in stack.split()[2:]]
    first = next((f for f in frames if not f.startswith("libc.so")), "")
    return first.startswith(("libfyaml", "libtsk", "libstdc++", "ld-linux")) or "libtsk.so.19" in frames


class Outcome:
    def __init__(self, status, out, err, files, stack, left):
        self.status, self.out, self.err, self.files, self.stack, self.left = status, out, err, files, stack, left

    def same(self, other):
        return (self.status, self.out) == (other.status, other.out) and all(
            self.files.get(name) == data for name, data in other.files.items() if name != "disk.img")

    def text(self):
        return " ".join((self.err + self.out + b"".join(self.files.values())).decode(errors="replace").split())


class Failing:
    def __init__(self, program, where, shim):
        self.program, self.where, self.shim = program, where, shim
        self.disk = b"".join((lba * 2654435761 % 2**32).to_bytes(4, "little") * 128 for lba in range(4096))
        self.given = {"w.yaml": WAIVERS.encode()}
        for name, words in {
                "c.pcap": f"run sim:reference {SCENARIOS}/bot/case05.yaml --record",
                "b.json": "bench sim:reference --blocks 1,8 --count 20 --json",
                "o.json": f"run sim:reference,fault=csw-tag {SCENARIOS}/bot/case01.yaml --json"}.items():
            subprocess.run([program, *words.split(), where / name], stdout=subprocess.DEVNULL, check=False)
            self.given[name] = (where / name).read_bytes()
        self.calls, self.whole = {}, {}

    def environment(self, where):
        return {"PATH": os.environ["PATH"], "HOME": str(where), "XDG_STATE_HOME": str(where / "state"),
                "LC_ALL": "C.UTF-8", "MSCOPE_WATCH_MEDIUM": "1"}

    def run(self, command, at):
        """One run, with the directory that it leaves."""
        where = self.where / f"run-{command.replace(' ', '-')}-{at}"
        shutil.rmtree(where, ignore_errors=True)
        (where / "state").mkdir(parents=True)
        for name, data in self.given.items():
            (where / name).write_bytes(data)
        if "disk.img" in COMMANDS[command]:
            (where / "disk.img").write_bytes(self.disk)
        shim = {"LD_PRELOAD": str(self.shim), "FAIL_AT": str(at), "FAIL_LOG": str(where / "state" / "log"),
                "FAIL_LEFT": str(where / "state" / "left")}
        done = subprocess.run([self.program, *COMMANDS[command].split()], cwd=where, env=self.environment(where) | shim,
                              input=CHECKS if "checks" in command else REQUESTS, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=ENOUGH)
        files = {f.name: f.read_bytes() for f in where.iterdir() if f.is_file()}
        log, left = (where / "state" / "log").read_text(), (where / "state" / "left").read_text()
        return where, Outcome(done.returncode, done.stdout, done.stderr, files, log,
                              {tuple(line.split()[1:4]) for line in left.splitlines()})

    def learn(self, command):
        """What it does when nothing fails; the first call from each place, told apart by that many callers."""
        where, self.whole[command] = self.run(command, 0)
        self.calls[command] = self.whole[command].stack.splitlines()
        shutil.rmtree(where)

    def points(self, command, callers):
        first = {}
        for number, line in enumerate(self.calls[command], 1):
            first.setdefault(tuple(line.split()[:callers + 1]), number)
        return sorted(first.values())

    def wrong(self, command, at):
        """Lets that call fail. What is wrong with what came of it; none: nothing."""
        whole = self.whole[command]
        try:
            where, is_ = self.run(command, at)
        except subprocess.TimeoutExpired:
            return [f"{command}, call {at}: does not end"]
        found = [] if is_of_others(is_.stack) else list(self.judge(command, is_, whole))
        if is_.files.get("disk.img", self.disk) != self.disk:
            found += list(self.medium(where, is_))
        shutil.rmtree(where)
        return [f"{command}, call {at}: {f}\n    {is_.err[-400:]!r}\n    {is_.stack}" for f in found]

    def judge(self, command, is_, whole):
        letter = is_.stack[:1] or "?"
        said, all_said = is_.err or is_.out != whole.out, is_.text()
        on_medium = "disk.img" in COMMANDS[command] and letter in "rw"     # the device's failure, then
        if is_.status not in (0, 1, 3, 4, 5, 70):
            yield f"exit status {is_.status}"
        if is_.status == 70 and letter != "m":
            yield "an internal error"
        if is_.status != whole.status and not said:
            yield f"exit status {is_.status} without a word"
        if not is_.same(whole) and letter in WHY and not on_medium and not any(why in all_said for why in WHY[letter]):
            yield f"exit status {is_.status}, and another result, without the reason"
        if letter == "m" and is_.status == whole.status and not is_.same(whole) and not said:
            yield "a result that lacks something, without a word"
        for name, data in is_.files.items():
            if ".mscope-" in name and letter != "n":
                yield f"{name} is left behind"
            if name == "out.json":
                try:
                    json.loads(data)
                except ValueError as e:
                    yield f"half a document: {e}"
        for stack in is_.left - whole.left:
            if stack and not stack[0].startswith("libc.so"):     # its own buffer of a stream
                yield f"memory is not given back: {' '.join(stack)}"

    def medium(self, where, is_):
        """It was left changed: this was said, and the next run mends it."""
        if "kept in" not in is_.text():
            yield f"exit status {is_.status}, and the medium is not as it was, without a word"
        done = subprocess.run([self.program, "check", "sim:reference,file=disk.img", "--allow-writes", "-s", "bot.case01.tur"],
                              cwd=where, env=self.environment(where), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              check=False)
        if (where / "disk.img").read_bytes() != self.disk:
            yield f"the medium stays changed: {done.returncode} {done.stderr[-400:]!r}"
