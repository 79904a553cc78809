# SPDX-License-Identifier: BSD-2-Clause
"""The package for Python: exchanges as objects, what fails and how, the pytest plugin, labgrid."""
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import types
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import PROGRAM, TOP
from usbip import Serve

sys.path.insert(0, str(TOP / "python"))
import mscope as package  # noqa: E402  pylint: disable=wrong-import-position

pytestmark = pytest.mark.nosan      # what the program does for it is in test_session.py
FAULTY = "sim:reference,fault=residue-zero"
CASE05 = TOP / "scenarios/bot/case05.yaml"
# Runs what it is told here, as a shell on the other machine would, and answers a question for an open connection.
# Not a real server: Debian's would start to listen on whatever machine the tests are run on. By hand, OpenSSH 9.2 on a port
# of 127.0.0.1 in the place of this passes test_over_ssh and test_labgrid.
SSH = """#!/bin/sh
while :; do
	case $1 in
	-O) exit 0 ;;
	-o) shift 2 ;;
	-*) shift ;;
	*) break ;;
	esac
done
echo "$1" >>"$(dirname "$0")/hosts"
shift
[ "$1" != -- ] || shift
exec sh -c "$*"
"""


@pytest.fixture
def session(monkeypatch, tmp_path):
    """Opens sessions, and closes what the test has not."""
    monkeypatch.setenv("MSCOPE", PROGRAM)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    opened = []

    def begin(*args, **kw):
        opened.append(package.Session(*args, **kw))
        return opened[-1]

    yield begin
    for s in opened:
        s.close()


@pytest.fixture
def ssh(monkeypatch, tmp_path):
    """A stand-in for ssh; the file that names the hosts it was asked for."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/ssh").write_text(SSH)
    (tmp_path / "bin/ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.path.dirname(PROGRAM)}:{os.environ['PATH']}")
    return tmp_path / "bin/hosts"


def test_exchanges_are_objects(session):
    dut = session("sim:reference,fill=noise", allow_writes=True)
    x = dut.command(bytes(6))
    assert not x.passed and x.status == 1 and x.sense == (6, 0x29, 0) and x.others[0].cdb[0] == 3
    x = dut.command("12 00 00 00 24 00", data_in=36)
    assert x.passed and x.residue == 0 and len(x.data) == 36 and x.findings == [] and x.sense is None
    assert 0 < x.cbw_ns < x.took_ns and x.csw[12] == 0 and x.wrapper[:4] == b"USBC"
    assert dut.inquiry() == ("mscope", "Reference Disk", "1.00") and dut.unit().blocks == 16384
    x = dut.send(cbw={"length": 512, "direction": "in"})
    assert x.residue == 512 and x.data == b"" and x.length == 512
    assert dut.send(cbw={"wrapper_length": 30}).recovery == "reset recovery"
    first, count = dut.scratch()
    before = dut.read(first, 2).data
    assert count == 192 and dut.write(first, bytes(1024)).passed and dut.read(first, 2).data == bytes(1024) != before
    assert dut.check("bot.case01*").passed and dut.read(first, 2).data == before
    assert dut.control(0xa1, 0xfe, length=1).data == b"\0" and dut.reset() is True and dut.reset("port").kind == "port_reset"
    with pytest.raises(AttributeError, match="no 'colour'"):
        x.colour


def test_runs(session):
    dut = session("sim:reference,speed=full")
    bench = dut.bench([1, 8], count=20, mode="serial")
    assert bench.bytes_per_second(8) > bench.bytes_per_second(1) > 0
    slow = json.loads(json.dumps(bench.document))
    for run in slow["runs"]:
        run["samples_ns"] = [2 * ns for ns in run["samples_ns"]]
    assert dut.compare(bench, slow).slower and not dut.compare(bench, bench).slower
    with pytest.raises(LookupError):
        bench.run(2)
    capture = dut.decode(TOP / "captures/residue-zero/capture.pcap", only="failed")
    assert not capture.passed and any(x.found("bot.residue.*") for x in capture.exchanges)
    check = dut.run(CASE05.read_text(), name="case05.yaml")
    assert check.passed and check.case("bot.case05.read10").verdict == "pass"
    assert "bot.case05.read10" in [c["name"] for c in dut.cases("bot.case05*")]
    assert dut.pace([1, 8], count=4)["format"] == "mscope.pace/1"


def test_the_judge_raises_when_it_is_asked_to(session):
    dut = session(FAULTY, judge=True)
    with pytest.raises(package.FindingError, match="bot.residue.in: BOT 1.0") as caught:
        dut.command("12 00 00 00 ff 00", 255)
    assert caught.value.exchange.found("bot.residue.*")[0].severity == "fail"
    assert dut.command("12 00 00 00 ff 00", 255, judge=False).failures
    with pytest.raises(package.CheckError, match="cause: residue-"):
        dut.check("bot.case05*")


@pytest.mark.parametrize("error, says, what", [
    (package.RefusedError, "allow-writes", lambda s: s.write(0, bytes(512))),
    (package.RefusedError, "allow-writes", lambda s: s.scratch()),
    (package.UsageError, "out of range", lambda s: s.read(-1)),
    (package.UsageError, "no scenario called", lambda s: s.check("nosuch.name")),
    (package.FormatError, "x.yaml:2:1: expected YAML", lambda s: s.run("name: [", name="x.yaml")),
])
def test_errors_are_exceptions(session, error, says, what):
    dut = session("sim:reference")
    with pytest.raises(error, match=says):
        what(dut)
    assert dut.command("12 00 00 00 24 00").passed


def test_a_session_that_cannot_be_opened_or_has_ended(session):
    for target, error, says in [("sim:reverence", package.UsageError, "did you mean 'reference'"),
                                ("usb:dead:beef", package.TargetError, "no such device")]:
        with pytest.raises(error, match=says):
            session(target)
    with pytest.raises(package.TargetError, match="cannot run /no/mscope"):
        session("sim:reference", command=["/no/mscope"])
    dut = session("sim:reference,unplug=60ms")
    with pytest.raises(package.TargetError) as caught:
        while True:
            dut.read(0)
    assert caught.value.kind == "gone"
    with pytest.raises(package.TargetError):
        dut.read(0)
    dut.close()
    dut = session("sim:reference")
    dut.close()
    dut.close()
    with pytest.raises(package.EndedError):
        dut.read(0)


def test_over_ssh(session, ssh, tmp_path, monkeypatch):
    monkeypatch.delenv("MSCOPE")
    image = tmp_path / "a disk, with $HOME"
    image.write_bytes(bytes(16384 * 512))
    with pytest.raises(package.Error):     # a comma ends a knob; the words arrive as they are all the same
        session(f"sim:reference,file={image}", ssh="bench-1")
    image = image.rename(tmp_path / "a disk of $HOME")
    assert session(f"sim:reference,file={image}", ssh="bench-2").unit().blocks == 16384
    assert ssh.read_text().split() == ["bench-1", "bench-2"]


# ---- the plugin ----

TESTS = """
import pytest

def test_inquiry(dut):
    assert dut.command("12 00 00 00 ff 00", 255).data[:1] == b"\\0"

@pytest.mark.needs_writes
def test_write(dut):
    first, _ = dut.scratch()
    assert dut.write(first, bytes(512)).passed
"""


def run_pytest(tmp_path, *args, files=("test_it.py",), **environment):
    """pytest in a place of its own; its status, what it printed, and its test cases by name."""
    (tmp_path / "t").mkdir(exist_ok=True)
    (tmp_path / "t/pytest.ini").write_text("[pytest]\n")
    (tmp_path / "t/test_it.py").write_text(TESTS)
    shutil.copy(CASE05, tmp_path / "t/case05.yaml")
    (tmp_path / "t/other.yaml").write_text("a: 1\n")
    env = os.environ | {"PYTHONPATH": str(TOP / "python"), "MSCOPE": PROGRAM, "XDG_STATE_HOME": str(tmp_path / "state"),
                        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environment}
    p = subprocess.run([sys.executable, "-m", "pytest", "-p", "mscope.pytest_plugin", "-p", "no:cacheprovider", "--junit-xml", "out.xml",
                        *args, *files], cwd=tmp_path / "t", env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, check=False)
    suite = ElementTree.parse(tmp_path / "t/out.xml").getroot().find("testsuite")
    return p.returncode, p.stdout.decode(), {case.get("name"): case for case in suite.iter("testcase")}


def word(case):
    return next((child.tag for child in case if child.tag != "properties"), "passed")


def test_the_plugin(tmp_path):
    status, out, cases = run_pytest(tmp_path, "--mscope-target", "sim:reference", "--mscope-target", FAULTY, "-k", "test_", "-rs")
    assert status == 1, out
    assert {name: word(case) for name, case in cases.items()} == {
        "test_inquiry[sim:reference]": "passed", f"test_inquiry[{FAULTY}]": "failure",
        "test_write[sim:reference]": "skipped", f"test_write[{FAULTY}]": "skipped"}
    assert "bot.residue.in" in cases[f"test_inquiry[{FAULTY}]"].find("failure").text
    assert "--mscope-allow-writes" in out
    told = {p.get("name"): p.get("value") for p in cases["test_inquiry[sim:reference]"].iter("property")}
    assert told == {"device": "sim:reference", "firmware": "mscope Reference Disk 1.00"}
    status, out, cases = run_pytest(tmp_path, "--mscope-target", "sim:reference", "--mscope-allow-writes")
    assert status == 0 and word(cases["test_write[sim:reference]"]) == "passed", out
    status, out, cases = run_pytest(tmp_path, "-rs", MSCOPE_TARGET="")
    assert status == 0 and "give --mscope-target" in out and {word(c) for c in cases.values()} == {"skipped"}


def test_scenario_files_are_tests(tmp_path):
    status, out, cases = run_pytest(tmp_path, "--mscope-target", FAULTY, files=["."], MSCOPE_TARGET="")
    assert status == 1, out
    assert word(cases[f"bot.case05.read10[{FAULTY}]"]) == "failure"
    text = cases[f"bot.case05.read10[{FAULTY}]"].find("failure").text
    assert text.startswith("cause: residue-zero: dCSWDataResidue is always 0 (likely)\n   or: ") and "bot.residue.in: BOT 1.0" in text and "expected: " in text and ".py" not in text
    assert {"device", "firmware", "scenario"} <= {p.get("name") for p in cases[f"bot.case05.read10[{FAULTY}]"].iter("property")}
    (tmp_path / "t/bad.yaml").write_text(CASE05.read_text().replace("read10:", "read11:", 1))
    status, out, _ = run_pytest(tmp_path, "--mscope-target", "sim:reference", files=["bad.yaml"])
    assert status == 2 and "bad.yaml:10:" in out and "did you mean 'read10'" in out


WORKER = """
def test_worker(dut, worker_id, record_property):
    record_property("worker", worker_id)
    assert dut.command("12 00 00 00 ff 00", 255).passed
"""


def test_a_device_has_one_worker(tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "t/test_more.py").write_text("".join(WORKER.replace("test_worker", f"test_{n}") for n in range(3)))
    status, out, cases = run_pytest(tmp_path, "-p", "xdist", "-n", "2", "--mscope-target=sim:reference", "--mscope-target=sim:linux-gadget",
                                    files=["test_more.py"])
    assert status == 0 and len(cases) == 6, out
    worker = [(name.split("@")[1], p.get("value")) for name, c in cases.items() for p in c.iter("property") if p.get("name") == "worker"]
    assert len(worker) == 6 and len(set(worker)) == 2


def test_eight_devices_in_one_run(tmp_path):
    """Each is served over USB/IP in real time; one worker drives one device, and one file tells it all."""
    models = ["sim:reference", "sim:linux-gadget", FAULTY, "sim:stm32,stage=yield", "sim:reference,luns=2", "sim:reference,speed=full",
              "sim:stm32,stage=double", "sim:linux-gadget,stall=0"]
    with Serve(tmp_path, *models) as serve:
        targets = [serve.target(n + 1) for n in range(len(models))]
        (tmp_path / "t").mkdir()
        (tmp_path / "t/test_more.py").write_text(WORKER)
        (tmp_path / "t/one.yaml").write_text(CASE05.read_text().split("---")[0])
        status, out, cases = run_pytest(tmp_path, "-p", "xdist", "-n", str(len(models)), *[f"--mscope-target={t}" for t in targets],
                                        files=["test_more.py", "one.yaml"])
    assert status == 1, out
    cases = {name.split("@")[0]: case for name, case in cases.items()}      # the group is behind the name
    told = {name: {p.get("name"): p.get("value") for p in case.iter("property")} for name, case in cases.items()}
    assert sorted(cases) == sorted(f"{name}[{t}]" for t in targets for name in ("test_worker", "bot.case05.read10"))
    assert {name for name in cases if word(cases[name]) == "failure"} == {
        f"{name}[{targets[models.index(FAULTY)]}]" for name in ("test_worker", "bot.case05.read10")}, out
    for t in targets:
        assert told[f"bot.case05.read10[{t}]"]["device"] == t and told[f"bot.case05.read10[{t}]"]["scenario"] == "bot.case05.read10"
        assert told[f"test_worker[{t}]"]["device"] == t and told[f"test_worker[{t}]"]["firmware"]
    assert len({told[f"test_worker[{t}]"]["worker"] for t in targets}) == len(targets)


# ---- labgrid ----

LABGRID = """
import mscope.labgrid

def test_main(target):
    driver = target.get_driver("MscopeDriver")
    assert driver.command("12 00 00 00 24 00").data[8:14] == b"mscope"
    target.deactivate(driver)
    assert driver.session is None

def test_the_others(env):
    for name in ("two", "three", "far"):
        driver = env.get_target(name).get_driver("MscopeDriver")
        assert driver.check("bot.case01*").passed
    assert len({env.get_target(n).get_driver("MscopeDriver").session.name for n in ("two", "three", "far")}) == 3
"""


@pytest.mark.skipif(not importlib.util.find_spec("labgrid"), reason="there is no labgrid")
def test_labgrid(tmp_path, ssh):
    """With its own fixtures: three devices that are served, one of them by way of ssh, and one that is simulated there."""
    with Serve(tmp_path, "sim:reference", "sim:linux-gadget", "sim:reference,luns=2") as serve:
        environment = {"targets": {
            name: {"resources": {kind: dict(name_of_target=target, **more)}, "drivers": {"MscopeDriver": {"program": PROGRAM}}}
            for name, kind, target, more in [
                ("main", "MscopeTarget", serve.target(1), {}), ("two", "MscopeTarget", serve.target(2), {}),
                ("three", "NetworkMscopeTarget", serve.target(3), {"host": "exporter"}),
                ("far", "NetworkMscopeTarget", "sim:reference,serial=a b", {"host": "exporter"})]}}
        (tmp_path / "t").mkdir()
        (tmp_path / "t/env.yaml").write_text(json.dumps(environment))
        (tmp_path / "t/test_farm.py").write_text(LABGRID)
        status, out, cases = run_pytest(tmp_path, "-p", "labgrid.pytestplugin", "--lg-env", "env.yaml", files=["test_farm.py"])
    assert status == 0 and len(cases) == 2, out
    assert "exporter" in ssh.read_text()


@pytest.mark.skipif(not importlib.util.find_spec("labgrid"), reason="there is no labgrid")
def test_labgrid_finds_the_port_of_a_device(tmp_path, ssh):
    """What labgrid knows of a storage device of an exporter is its number on the bus; mscope is told the port."""
    from mscope.labgrid import MscopeDriver
    (tmp_path / "bin/grep").write_text("#!/bin/sh\n[ \"$2\" = DEVNAME=bus/usb/001/005 ] && echo /sys/bus/usb/devices/1-2.3/uevent\n")
    (tmp_path / "bin/grep").chmod(0o755)
    for prefix in ([], ["ssh", "-x", "exporter", "--"]):
        device = types.SimpleNamespace(busnum=1, devnum=5, path="/dev/sdb", command_prefix=prefix)
        driver = types.SimpleNamespace(device=device)
        driver._usb_path = lambda: MscopeDriver._usb_path(driver)
        assert MscopeDriver.target_name(driver) == "usb:path=1-2.3"
        device.devnum = 6
        with pytest.raises(Exception, match="no USB device"):
            MscopeDriver.target_name(driver)


# ---- examples, installation ----

def test_the_examples_run(tmp_path):
    env = os.environ | {"PYTHONPATH": str(TOP / "python"), "MSCOPE": PROGRAM, "XDG_STATE_HOME": str(tmp_path / "state")}

    def run(*args):
        p = subprocess.run([sys.executable, str(TOP / "examples/python" / args[0]), *args[1:]], cwd=tmp_path, env=env,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False)
        return p.returncode, p.stdout.decode()

    status, out = run("bring_up.py", "sim:reference")
    assert status == 0 and "mscope Reference Disk 1.00" in out, out
    status, out = run("bring_up.py", FAULTY)
    assert status == 1 and "bot.residue.in" in out, out
    assert run("throughput_gate.py", "sim:stm32,stage=yield", "base.json")[0] == 0
    assert run("throughput_gate.py", "sim:stm32,stage=yield", "base.json")[0] == 0
    status, out = run("throughput_gate.py", "sim:stm32,stage=double", "base.json")
    assert status == 1 and "slower" in out, out


def test_the_package_is_installed_with_its_entry_point(tmp_path):
    """make install puts it where Python looks; pytest finds the plugin there by itself."""
    subprocess.run(["make", "-s", "-C", str(TOP), "install-python", f"DESTDIR={tmp_path}", "PYTHONDIR=/py", f"PYTHON={sys.executable}"],
                   check=True, stdout=subprocess.PIPE)
    (tmp_path / "t").mkdir()
    (tmp_path / "t/test_it.py").write_text(TESTS)
    p = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:labgrid", "-q", "--mscope-target", "sim:reference", "test_it.py"],
                       cwd=tmp_path / "t", env=os.environ | {"PYTHONPATH": str(tmp_path / "py"), "MSCOPE": PROGRAM},
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert p.returncode == 0 and b"1 passed, 1 skipped" in p.stdout, p.stdout.decode()
