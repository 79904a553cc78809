# SPDX-License-Identifier: BSD-2-Clause
"""Exit statuses, and what a person is told."""
import json
import os
import re
import signal
import subprocess

import pytest
from conftest import PROGRAM, TOP


def test_no_command_lists_the_commands(mscope):
    p = mscope(status=2)
    assert p.out == ""
    for command in ("check", "list", "probe", "run", "send"):
        assert f"  {command} " in p.err


def test_help_is_a_result(mscope):
    assert mscope("help").out == mscope("--help").out == mscope(status=2).err
    assert mscope("help", "check").out == mscope("check", "--help").out
    assert "--allow-writes" in mscope("help", "check").out


def test_what_is_excluded_does_not_run(mscope):
    def names(*args):
        return [c["name"] for c in mscope.json("check", "sim:reference", *args)["cases"]]
    everything = names()
    left = names("-x", "bot.*", "--exclude", "TD1.9")
    assert left == [n for n in everything if n in left] and 0 < len(left) < len(everything)
    assert not [n for n in left if n.startswith("bot.")]
    assert names("-s", "bot.case0*", "-x", "bot.case05.*") == [n for n in names("-s", "bot.case0*")
                                                               if not n.startswith("bot.case05.")]


def test_version(mscope):
    assert mscope("--version").out.startswith("mscope ")


# Arguments, exit status, and the whole of standard error.
UNKNOWN = [
    (["cheek"], 2, "no command called 'cheek'; did you mean 'check'?"),
    (["xyzzyxyzzy"], 2, "no command called 'xyzzyxyzzy'; \"mscope help\" lists them"),
    (["check", "sim:reverence"], 2, "no firmware called 'reverence'; did you mean 'reference'?"),
    (["check", "smi:reference"], 2, None),
    (["check", "sim:reference,lunz=2"], 2,
     "no knob of sim:reference called 'lunz'; did you mean 'luns'?"),
    (["check", "sim:reference,fault=residue-zeros"], 2,
     "no fault called 'residue-zeros'; did you mean 'residue-zero'?"),
    (["check", "sim:reference", "--select", "bot.case05.read1"], 2,
     "no scenario called 'bot.case05.read1'; did you mean 'bot.case05.read10'?"),
    (["check", "sim:reference", "--select", "bot.*", "--exclude", "usb.*"], 2,
     "--exclude usb.* takes nothing out: none of the selected scenarios is called that"),
    (["check", "sim:reference", "--exclude", "*"], 2, "no scenario is left to run"),
    (["check", "sim:reference", "--bring-up", "--exclude", "bot.*"], 2,
     "--bring-up has an order of its own and takes neither --select nor --exclude"),
    (["check", "sim:reference", "--profile", "usbfi"], 2, None),
    (["check", "sim:reference", "--selct", "x"], 2,
     "unknown option '--selct'; did you mean '--select'?"),
    (["check", "sim:reference", "--zzzzzzz"], 2,
     "unknown option '--zzzzzzz'; \"mscope help check\" lists them"),
    (["check", "sim:reference", "-Z"], 2,
     "unknown option '-Z'; \"mscope help check\" lists them"),
    (["check", "sim:reference", "--select"], 2, "--select needs a value: WHAT"),
    (["check", "sim:reference", "-s"], 2, "--select needs a value: WHAT"),
    (["check", "sim:reference", "--tap=1"], 2, "--tap takes no value"),
    (["check", "sim:reference", "--timeout", "5"], 2, None),
    (["check", "sim:reference", "--timeout", "0s"], 2, "--timeout: expected more than no time"),
    (["check", "sim:reference", "--lun", "0", "--lun", "0"], 2, "--lun is given twice"),
    (["check", "sim:reference", "--json", "a", "--json", "b"], 2, "--json is given twice"),
    (["check", "sim:reference", "--json", "a", "--junit", "a"], 2,
     "a file takes one report: --json a and --junit a"),
    (["check", "sim:reference", "--report", "tap:a", "--report", "junit:./a"], 2,
     "a file takes one report: --report tap:a and --report junit:./a"),
    (["check", "sim:reference", "--json", "a", "--log", "a"], 2, "a is to be a report and something else"),
    (["check", "sim:reference", "--json", "-", "--junit", "/dev/stdout"], 2,
     "standard output takes one report: --json - and --junit /dev/stdout"),
    (["check", "sim:reference", "--report", "jnit"], 2,
     "check has no format called 'jnit'; did you mean 'junit'?"),
    (["probe", "sim:reference", "--report", "junit"], 2,
     "probe has no format called 'junit'; there are text, json"),
    (["check", "sim:reference", "--report", "json:"], 2, "--report json:: the colon asks for a file's name"),
    (["check", "sim:reference,"], 2, "'': expected knob=value"),
    (["check", "sim:reference,,luns=2"], 2, "'': expected knob=value"),
    (["check", "sim:reference,luns=2,luns=3"], 2, "'luns=3': this is set twice"),
    (["check", "0525:a4a5"], 2, "'0525:a4a5' is not a target; did you mean 'usb:0525:a4a5'?"),
    (["pace", "nothing.pcap"], 2, "'nothing.pcap' is no capture, for there is no such file, and no target: "
     "\"mscope list targets\" shows how one is named"),
    (["pace", "/dev/sdzzz"], 3, "/dev/sdzzz: No such file or directory"),
    (["check", "sim:reference,fault=csw-tag,fault=csw-tag"], 2, "'fault=csw-tag': this is set twice"),
    (["check", "sim:reference,seed=1", "--seed", "2"], 2, "'seed=2': this is set twice"),
    (["check", "usb:serial=a,"], 2, None),
    (["check", "usb:serial=a,serial=b"], 2, None),
    (["help", "check", "extra"], 2, "help takes one command, not also 'extra'"),
    (["check", "sim:reference", "--lun", "16"], 2, "--lun: 16 is more than 15"),
    (["check", "sim:reference", "--color=alwayz"], 2,
     "--color: 'alwayz' is none of auto, always, never"),
    (["check", "sim:reference", "sim:reference"], 2,
     "check takes one target, not 'sim:reference'; \"mscope run\" takes files"),
    (["check", "-q", "-v", "sim:reference"], 2, "--verbose and --quiet exclude each other"),
    (["check", "usb:1234:5678", "--seed", "1"], 2, "--seed: usb:1234:5678 is not a simulated target"),
    (["check", "sim:reference", "--tap", "--json", "-"], 2,
     "standard output takes one report: --tap and --json -"),
    (["check"], 2, "no target: name one such as sim:reference, or set MSCOPE_TARGET; "
                   "\"mscope list targets\" shows what there is"),
    (["list", "fireware"], 2, "cannot list 'fireware'; did you mean 'firmware'?"),
    (["list", "rules", "bot.csw.tga"], 2, "no rule called 'bot.csw.tga'; did you mean 'bot.csw.tag'?"),
    (["help", "cheek"], 2, "no command called 'cheek'; did you mean 'check'?"),
    (["run", "sim:reference"], 2, "sim:reference is the target, and there is no scenario file; \"mscope check\" runs those that are built in"),
    (["run", "sim:reference", "missing.yaml"], 4, None),
    (["check", "sim:reference", "--json", "no/such/place"], 4,
     "cannot write no/such/place: No such file or directory"),
    (["check", "sim:reference", "--junit", "no/such/place"], 4,
     "cannot write no/such/place: No such file or directory"),
    (["send", "sim:reference"], 2, "no command: give its bytes in hex, as in -- 12 00 00 00 24 00"),
    (["send", "sim:reference", "--", "1"], 2, None),
    (["send", "sim:reference", "--length", "0", "--", "2a 00 00000000 00 0001 00"], 2,
     "WRITE(10) lba 0 blocks 1 (unit 0) is not sent: writes blocks; give --allow-writes to allow it"),
    (["send", "sim:reference", "--length", "0", "--allow-writes", "--", "04 00 00 00 00 00"], 2,
     "FORMAT UNIT (unit 0) is not sent: formats the medium; give --allow-unsafe to allow it"),
    (["send", "sim:reference", "--", "28 00 00000000 00 0001 00"], 2,
     "say what READ(10) transfers: --in N, --out FILE, or --length 0"),
    (["send", "sim:reference", "--in", "1", "--out", "x", "--", "12"], 4, None),
    (["send", "sim:reference", "--direction", "up", "--", "00 00 00 00 00 00"], 2,
     "--direction: 'up' is neither in nor out"),
    (["list", "targets", "--select", "usbif"], 2, "--select usbif: none of the targets is called that, or has it in its words"),
    (["list", "--select", "usbif"], 2, "--select: of what? As in 'mscope list faults'"),
    (["check", "usb:1234:5678"], 3, None),
    (["check", "usb:nonsense"], 2, None),
]


@pytest.mark.parametrize("args, status, says", UNKNOWN, ids=lambda x: str(x)[:60])
def test_refusals(mscope, args, status, says):
    p = mscope(*args, status=status)
    assert p.out == "" or status == 3
    assert p.err.startswith("mscope: ") and p.err.count("\n") == 1
    if says is not None:
        assert p.err == f"mscope: {says}\n"


def test_options_may_come_anywhere(mscope):
    want = mscope("check", "sim:reference", "-s", "scsi.ready*", "-q").out
    assert mscope("check", "-q", "-s", "scsi.ready*", "sim:reference").out == want
    assert mscope("check", "-s", "scsi.ready*", "--quiet", "--", "sim:reference").out == want


def test_target_from_the_environment(mscope):
    env = {"MSCOPE_TARGET": "sim:reference"}
    assert mscope("probe", env=env).out == mscope("probe", "sim:reference").out
    assert mscope("probe", "sim:linux-gadget", env=env).out == mscope("probe", "sim:linux-gadget").out


def test_failing_device_is_1(mscope):
    p = mscope("check", "sim:reference,fault=residue-zero", status=1)
    assert " FAIL " in p.out and "bot.residue.in" in p.out
    assert re.search(r"alone: +mscope check sim:reference,fault=residue-zero --select ", p.out)


def test_strict_makes_a_skip_a_failure(mscope):
    out = mscope("check", "sim:reference").out
    assert " skip " in out and " skipped" in out.splitlines()[-1]
    strict = mscope("check", "sim:reference", "--strict", status=1)
    assert strict.out.splitlines()[-1].endswith("; --strict: a skip counts as a failure") and strict.err == ""
    told = mscope("check", "sim:reference", "--strict", "--json", "-", status=1).err
    assert re.fullmatch(r"mscope: \d+ skipped, which --strict counts as a failure\n", told)


def test_the_command_that_repeats_a_case_does(mscope):
    target = "sim:reference,fault=residue-zero"
    first = mscope("check", target, "--profile", "spec", "--allow-writes", status=1).out
    command = re.search(r"alone: +mscope (.*)", first)[1]
    again = mscope(*command.split(), status=1).out
    name = command.split("--select ")[1].split()[0]
    assert any(line.startswith(" FAIL ") and name in line for line in again.splitlines())
    assert "dCBWSignature" in again


def test_what_is_repeated_writes_over_no_file(mscope):
    """Nor is it a run of the journal's. What is measured differently with an option has that option."""
    given = ["--record", "mine.pcap", "--record-transfers", "--report", "tap:mine.tap", "--log", "mine.log", "--junit", "mine.xml",
             "--forget-journal", "--timeout", "9s", "--queued", "--profile", "spec", "--allow-writes", "--lun", "0"]
    d = mscope.json("check", "sim:reference,fault=residue-zero", *given, "--select", "bot.case05.*", status=1)
    out = mscope("check", "sim:reference,fault=residue-zero", *given, "--select", "bot.case05.*", "-v", status=1).out
    commands = [c["alone"] for c in d["causes"]] + re.findall(r"(?:alone|to repeat): +(mscope .*)", out)
    assert len(commands) > 2
    for command in commands:
        head, _, rest = command.partition(" --select ")
        assert head == ("mscope check sim:reference,fault=residue-zero --timeout 9s --queued --profile spec --allow-writes --lun 0")
        assert "mine" not in rest


def test_quiet_shows_only_what_is_wrong(mscope):
    out = mscope("check", "sim:reference", "-q").out
    assert len(out.splitlines()) == 1 and " passed, 0 failed" in out


def test_color(mscope):
    assert "\x1b" not in mscope("check", "sim:reference").out
    assert "\x1b[32m" in mscope("check", "sim:reference", "--color=always", "-v").out
    assert "\x1b" not in mscope("check", "sim:reference", "--color=never").out


def test_log_goes_to_standard_error_and_to_its_file(mscope, tmp_path):
    plain = mscope("check", "sim:reference", "-s", "scsi.ready*")
    assert plain.err == ""
    mscope("check", "sim:reference", "-s", "scsi.ready*", "--log", "trace")
    trace = (tmp_path / "trace").read_text()
    loud = mscope("check", "sim:reference", "-s", "scsi.ready*", "-vv")
    assert loud.err == trace != ""
    assert all(line.startswith("mscope: ") for line in trace.splitlines())


def test_a_unit_that_is_not_there_is_refused(mscope):
    done = mscope("check", "sim:reference,luns=2", "--lun", "2", status=2)
    assert "no logical unit 2" in done.err and "units 0 to 1" in done.err
    assert " FAIL " not in done.out and "0 passed, 0 failed" in done.out
    mscope("check", "sim:reference,luns=2", "--lun", "1", "-q")


def test_the_units_that_were_not_tested_are_told(mscope):
    def told(*options):
        return [line for line in mscope("check", "sim:reference,luns=2", *options).out.splitlines() if "not tested" in line]

    assert told("-s", "bot.units.*") == [
        "note      not tested, but for what bot.units.* sends: unit 1 (--lun 1)"]
    assert told("-s", "scsi.inquiry.*", "--lun", "1") == ["note      not tested: unit 0 (--lun 0)"]
    assert told("-s", "bot.case05.read10") == ["note      not tested: unit 1 (--lun 1)"]
    assert told("-s", "bot.case05.read10", "-q") == told("--bring-up", "-q") == ["note      not tested: unit 1 (--lun 1)"]


def test_a_fault_brings_the_knobs_that_it_needs(mscope):
    target = "sim:reference,fault=out-too-soon"
    assert mscope.json("probe", target)["target"]["host"] == "xhci"
    assert mscope.json("probe", target + ",host=ehci")["target"]["host"] == "ehci"


def test_nothing_but_skips_is_0(mscope):
    skipped = ["check", "sim:reference", "--select", "bot.case08.write10"]
    assert "0 passed, 0 failed, 1 skipped" in mscope(*skipped).out
    assert "--strict: a skip counts" in mscope(*skipped, "--strict", status=1).out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_is_128_and_its_number_in_a_shell(tmp_path, number):
    """The moment does not matter: 0.2 s are only so that it has begun to write. A process of its own, not one that the shell
    starts with &, which would ignore SIGINT."""
    inner = f'(sleep 0.2; kill -{number.value} $$) & exec "$0" soak sim:reference --allow-writes --bytes 8G'
    subprocess.run(["sh", "-c", 'sh -c "$1" "$0"; echo $? >status', PROGRAM, inner], cwd=tmp_path,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120, check=True,
                   env=os.environ | {"XDG_STATE_HOME": str(tmp_path)},
                   preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    assert int((tmp_path / "status").read_text()) == 128 + number


def test_faults_are_found_by_the_rules_that_catch_them(mscope):
    every = {f["name"]: f["caught_by"] for f in json.loads(mscope("list", "faults", "--json", "-").out)["faults"]}
    chosen = mscope("list", "faults", "-q", "-s", "bot.csw.*").out.split()
    assert chosen == [name for name, rules in every.items() if any(r.startswith("bot.csw.") for r in rules)] and "csw-tag" in chosen


def test_a_list_of_no_kind_is_a_short_index(mscope):
    d = mscope.json("list")
    lines = mscope("list").out.splitlines()
    assert len(lines) <= 24 and max(map(len, lines)) < 80
    kinds = [k for k in d if isinstance(d[k], list) and k != "argv"]
    assert re.findall(r"^  (\w+) +(\d+)  \S", "\n".join(lines), re.M) == [(k, str(len(d[k]))) for k in kinds]
    assert "mscope list KIND NAME" in lines[-3]
    assert "rules" in kinds and len(d["rules"]) > 100       # the JSON still has everything


def test_that_no_device_is_on_usb_is_said(mscope):
    """Whether there is one depends on the machine; what is said does not contradict the list."""
    out = mscope("list", "targets").out
    attached = len(re.findall(r"^  usb:", out, re.M)) > 1
    assert ("USB mass-storage devices: none found." in out) == (not attached)
    assert attached or "mscope check sim:reference" in out.splitlines()[-1]
    assert "none found" not in mscope("list", "targets", "--select", "sim:").out
    assert "none found" not in mscope("list", "faults").out
