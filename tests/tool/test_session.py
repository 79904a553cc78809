# SPDX-License-Identifier: BSD-2-Clause
"""mscope session: the conversation, each line of it by its schema, and how it ends."""
import json
import os
import re
import select
import signal
import subprocess

import jsonschema
import pytest
from conftest import PROGRAM, TOP
from test_documents import SCHEMAS

SCHEMA = SCHEMAS["mscope.session-1.json"]
NOISE = "sim:reference,fill=noise"
SCRATCH = 16128     # of the reference model
SCENARIO = """name: test.one
title: one command
spec: [BOT 1.0 5.1]
steps:
  - command: { test_unit_ready: {} }
"""


def validator(part):
    schema = {"$ref": f"mscope.session-1.json#/$defs/{part}"}
    return jsonschema.Draft202012Validator(schema, resolver=jsonschema.RefResolver("", schema, store=SCHEMAS))


REQUEST, ANSWER = validator("request"), validator("answer")


class Talk:
    """A conversation, of which every answer is as the schema says; and every request, unless it is meant to be wrong."""

    def __init__(self, mscope, *args, **kw):
        self.process = mscope.popen("session", *args, stdin=subprocess.PIPE, **kw)

    def line(self, line):
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self):
        answer = json.loads(self.process.stdout.readline())
        worst = jsonschema.exceptions.best_match(ANSWER.iter_errors(answer))
        assert worst is None, f"{worst.json_path}: {worst.message[:500]}"
        return answer

    def __call__(self, op, **members):
        request = {"id": op, "op": op, **members}
        REQUEST.validate(request)
        answer = self.line(json.dumps(request).encode())
        assert answer["id"] == op
        return answer

    def wrong(self, op, error="usage", **members):
        request = {"id": 7, "op": op, **members}
        answer = self.line(json.dumps(request).encode())
        assert answer["id"] == 7 and answer.get("error", {}).get("kind") == error, (request, answer)
        return answer["error"]["message"]

    def end(self, status=0):
        out, err = self.process.communicate(timeout=30)
        assert self.process.returncode == status and out == b"", (out, err)
        return err.decode()


@pytest.fixture
def talk(mscope):
    talks = []

    def begin(*args, **kw):
        talks.append(Talk(mscope, *args, **kw))
        return talks[-1]

    yield begin
    for t in talks:
        t.process.kill()
        t.process.communicate()


def test_exchanges(talk):
    t = talk("sim:reference")
    about = t("target")["result"]
    assert about["target"]["name"] == "sim:reference" and not about["allow_writes"]
    assert about["operations"] == [r["properties"]["op"]["const"] for r in SCHEMA["$defs"]["request"]["oneOf"]]
    failed = t("command", cdb="00 00 00 00 00 00")
    assert failed["exchange"]["status"] == 1 and failed["sense"]["asc"] == 0x29
    assert [x["command"] for x in failed["others"]] == ["REQUEST SENSE alloc 18"]
    inquiry = t("command", cdb="120000002400", **{"in": 36})
    assert inquiry["exchange"]["status"] == 0 and inquiry["exchange"]["findings"] == []
    assert bytes.fromhex(inquiry["data"])[8:14] == b"mscope" and "others" not in inquiry
    assert t("unit")["result"] == {"lun": 0, "max_lun": 0, "ready": True, "blocks": 16384, "block_size": 512,
                                   "removable": True, "write_protected": False}
    assert len(t("read", lba=0, blocks=2)["data"]) == 2048
    beyond = t("read", lba=16384)
    assert beyond["exchange"]["status"] == 1 and beyond["sense"]["asc"] == 0x21
    assert t("control", request_type=0xa1, request=0xfe, length=1)["data"] == "00"
    assert t("reset")["result"] == {"recovered": True}
    assert t("reset", kind="port")["exchange"]["kind"] == "port_reset"
    assert t("close")["result"] == {}
    assert t.end() == ""


def test_every_field_of_the_cbw_can_be_wrong(talk):
    t = talk("sim:reference")
    t("unit")
    fields = {"signature": 0x43425399, "tag": 0x01020304, "flags": 0x81, "lun": 3, "cb_length": 31, "length": 0x10, "fill": 0x77,
              "wrapper_length": 33, "wrapper_fill": 0xee}
    sent = t("send", cdb="12 00 00 00 24 00", cbw=fields)
    assert sent["exchange"]["wrapper"].replace(" ", "") == (
        "99534243" "04030201" "10000000" "81" "03" "1f" "120000002400" + "77" * 10 + "eeee")
    assert sent["exchange"]["status"] is None and sent["recovery"] == "reset recovery"
    assert t("send", cdb="00 00 00 00 00 00", cbw={"wrapper_length": 30})["exchange"]["wrapper"].count(" ") == 29
    case4 = t("send", cdb="00 00 00 00 00 00", cbw={"length": 512, "direction": "in"})
    assert case4["exchange"]["status"] == 0 and case4["exchange"]["residue"] == 512
    assert "recovery" not in t("send", cdb="00 00 00 00 00 00", cbw={"signature": 0}, raw=True)


def test_what_is_found_is_in_the_exchange(talk):
    t = talk("sim:reference,fault=residue-zero")
    t("unit")
    x = t("command", cdb="12 00 00 00 ff 00", **{"in": 255})["exchange"]
    assert [f["rule"] for f in x["findings"] if f["severity"] == "fail"] == ["bot.residue.in"]


def test_runs_are_the_documents_of_their_commands(talk, mscope):
    t = talk("sim:reference,speed=full", "--profile", "spec")
    check = t("check", select="bot.case0[1-4]*", exclude=["bot.case02*"])["result"]
    want = mscope.json("check", "sim:reference,speed=full", "-p", "spec", "-s", "bot.case0[1-4]*", "-x", "bot.case02*")
    assert [(c["name"], c["verdict"]) for c in check["cases"]] == [(c["name"], c["verdict"]) for c in want["cases"]]
    assert t("run", text=SCENARIO)["result"]["summary"]["pass"] == 1
    case, = t("cases", text=SCENARIO, name="one.yaml")["result"]["cases"]
    assert case["name"] == "test.one" and not case["writes"]
    base = t("bench", sizes=[1, 8], count=20, mode="serial")["result"]
    slow = json.loads(json.dumps(base))
    for run in slow["runs"]:
        run["samples_ns"] = [2 * ns for ns in run["samples_ns"]]
    assert base["format"] == "mscope.bench/1" and base["runs"][1]["blocks"] == 8
    assert t("compare", base=base, new=slow)["result"]["exit_status"] == 1
    assert t("compare", base=slow, new=base)["result"]["exit_status"] == 0
    assert t("pace", sizes=[1, 8], count=4)["result"]["format"] == "mscope.pace/1"
    assert t("command", cdb="00 00 00 00 00 00")["exchange"]["status"] == 0


CAPTURE = str(TOP / "captures/residue-zero/capture.pcap")


def test_a_capture_is_what_decode_makes_of_it(talk, mscope, tmp_path):
    t = talk("sim:reference")

    def same(members, *args, status=1):
        mine, theirs = t("decode", capture=CAPTURE, **members)["result"], mscope.json("decode", CAPTURE, *args, status=status)
        assert {**mine, "argv": 0} == {**theirs, "argv": 0}
        return mine["exchanges"]

    everything = same({})
    assert 0 < len(same({"only": "failed"}, "--only", "failed")) < len(everything)
    assert same({"profile": "interop", "lun": 0, "device": 1, "to_ns": everything[9]["time_ns"]}, "-p", "interop", "--lun", "0",
                "--device", "1", "--time", f"..{everything[9]['time_ns']}ns", status=0)
    assert t.wrong("decode", capture=CAPTURE, only="fast").startswith("only: 'fast'")
    assert "standard input" in t.wrong("decode", capture="-")
    assert "No such file" in t.wrong("decode", "file", capture=str(tmp_path / "none"))
    cut = tmp_path / "cut.pcap"
    cut.write_bytes((TOP / "captures/residue-zero/capture.pcap").read_bytes()[:-10])
    answer = t("decode", capture=str(cut))
    assert answer["error"]["kind"] == "format" and 0 < len(answer["result"]["exchanges"]) <= len(everything)
    assert answer["result"]["reason"] == answer["error"]["message"]


HOSTILE = [b"", b"{", b"null", b"[]", b"1", b'"x"', b"{}", b'{"id":1}', b'{"op":"target"}', b'{"id":{},"op":"target"}',
           b'{"id":1,"op":5}', b'{"id":1,"id":2,"op":"target"}', b"\xff\xfe", b"\0", b"[" * 100000, b'{"id":1,"op":"\\u0000"}',
           b'{"id":1,"op":"target","x":1e999}', b"x" * 1000000]


def test_a_malformed_line_is_an_error_and_not_the_end(talk):
    t = talk("sim:reference")
    for line in HOSTILE:
        answer = t.line(line)
        assert answer["error"]["kind"] == "usage" and answer["id"] in (None, 1), line[:50]
    for op, says, members in [
            ("tarqet", "did you mean 'target'?", {}), ("command", "needs 'cdb'", {}), ("command", "is not hex", {"cdb": "1g"}),
            ("command", "no bytes", {"cdb": ""}), ("command", "more than 16", {"cdb": "00" * 17}),
            ("command", "say what READ(10)", {"cdb": "28 00 00 00 00 00 00 00 01 00"}),
            ("command", "exclude each other", {"cdb": "00", "in": 1, "out": "00"}),
            ("command", "unit above 15", {"cdb": "00" * 6, "lun": 16}), ("command", "a whole number", {"cdb": "00", "in": "x"}),
            ("command", "out of range", {"cdb": "00", "in": 1 << 24}), ("command", "more than no time", {"cdb": "00", "timeout_ns": 0}),
            ("send", "no member 'tga'; did you mean 'tag'?", {"cdb": "00", "cbw": {"tga": 1}}),
            ("send", "out of range", {"cdb": "00", "cbw": {"tag": 1 << 32}}), ("send", "none of out, in", {"cdb": "00", "in": 0, "cbw": {"direction": "up"}}),
            ("control", "'out' goes with", {"request_type": 0x80, "request": 6, "out": "00"}), ("read", "1 to", {"lba": 0, "blocks": 0}),
            ("check", "no scenario called", {"select": ["nosuch.name"]}), ("check", "no profile called", {"profile": "usbfi"}),
            ("check", "a string, or a list", {"select": [1]}), ("bench", "sizes", {"sizes": []}), ("bench", "there twice", {"sizes": [1, 1]}),
            ("reset", "none of recovery, port", {"kind": "hard"})]:
        assert says in t.wrong(op, **members), (op, members)
    assert t.wrong("run", "format", text=SCENARIO.replace("command", "kommand"), name="x.yaml").startswith("x.yaml:5:")
    assert t("command", cdb="12 00 00 00 24 00")["exchange"]["status"] == 0
    t.end()


def test_a_line_without_end_and_one_that_is_too_long(mscope, tmp_path):
    (tmp_path / "lines").write_bytes(b'{"id":1,"op":"cases","text":"' + b" " * (41 << 20) + b'"}\n{"id":2,"op":"unit"}')
    with open(tmp_path / "lines", "rb") as lines:
        out = mscope("session", "sim:reference", stdin=lines).out
    first, second = map(json.loads, out.splitlines())
    assert "40 MiB" in first["error"]["message"] and second["id"] == 2 and second["result"]["ready"]


def test_nothing_is_written_unless_allowed(talk):
    t = talk("sim:reference")
    for op, members in [("write", {"lba": 5, "out": "00" * 512}),
                        ("command", {"cdb": "2a 00 00000005 00 0001 00", "out": "00" * 512}),
                        ("send", {"cdb": "2a 00 00000005 00 0001 00", "out": "00" * 512, "cbw": {"direction": "in"}}),
                        ("command", {"cdb": "04 00 00 00 00 00", "in": 0}), ("command", {"cdb": "ff 00 00 00 00 00", "in": 0}),
                        ("scratch", {}), ("bench", {"transfer": "write"})]:
        t.wrong(op, "refused", **members)
    assert t("check", select="scsi.write*")["result"]["summary"]["pass"] == 0
    t.end()


def test_what_is_written_is_put_back(talk, tmp_path):
    image = tmp_path / "disk"
    image.write_bytes(os.urandom(16384 * 512))
    before = image.read_bytes()
    t = talk(f"sim:reference,file={image}", "--allow-writes")
    scratch = t("scratch")["result"]
    assert scratch == {"first_lba": SCRATCH, "blocks": 192}
    assert t("write", lba=SCRATCH, out="5a" * 1024)["exchange"]["status"] == 0
    assert t("read", lba=SCRATCH, blocks=2)["data"] == "5a" * 1024
    assert t("command", cdb=f"2a 00 {SCRATCH + 1:08x} 00 0001 00", out="a5" * 512)["exchange"]["status"] == 0
    for op, members in [("write", {"lba": 0, "out": "00" * 512}), ("command", {"cdb": "04 00 00 00 00 00", "in": 0})]:
        t.wrong(op, "refused", **members)
    assert "whole blocks" in t.wrong("write", lba=SCRATCH, out="00" * 511)
    assert t("check", select="scsi.write*")["result"]["summary"]["fail"] == 0
    assert bytes.fromhex(t("read", lba=SCRATCH, blocks=2)["data"]) == before[SCRATCH * 512:][:1024]
    assert t("write", lba=SCRATCH, out="5a" * 512)["exchange"]["status"] == 0
    assert t("bench", transfer="write", sizes=[8], count=3)["result"]["exit_status"] == 0
    assert t("write", lba=SCRATCH, out="5a" * 512)["exchange"]["status"] == 0
    t("close")
    t.end()
    assert image.read_bytes() == before


@pytest.mark.parametrize("how", ["input", "client", "int"])
def test_however_it_ends_nothing_is_left_behind(talk, tmp_path, how):
    """The end of input, a client that dies, Ctrl-C."""
    image = tmp_path / "disk"
    image.write_bytes(os.urandom(16384 * 512))
    before = image.read_bytes()
    t = talk(f"sim:reference,file={image}", "--allow-writes")
    t("write", lba=SCRATCH, out="5a" * 512)
    assert image.read_bytes() != before
    if how == "client":
        t.process.stdout.close()
    elif how == "int":
        t.process.send_signal(signal.SIGINT)
    if how == "input":
        t.end()
    else:
        assert t.process.wait(30) == {"client": 4, "int": -signal.SIGINT}[how]
    assert image.read_bytes() == before


CLIENT = """import subprocess, sys, time
p = subprocess.Popen([sys.argv[1], "session", sys.argv[2], "--allow-writes"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
p.stdin.write(b'{"id":1,"op":"write","lba":16128,"out":"' + b"5a" * 512 + b'"}\\n')
p.stdin.flush()
p.stdout.readline()
print(p.pid, flush=True)
p.stdin.write(b'{"id":2,"op":"bench","count":4000000,"sizes":[64]}\\n')
p.stdin.flush()
p.stdout.readline()
"""


def test_a_client_that_is_killed_takes_the_session_with_it(mscope, tmp_path):
    """In the middle of a long bench."""
    image = tmp_path / "disk"
    image.write_bytes(os.urandom(16384 * 512))
    before = image.read_bytes()
    env = os.environ | {"XDG_STATE_HOME": str(tmp_path / "state")}
    client = subprocess.Popen(["/usr/bin/python3", "-c", CLIENT, PROGRAM, f"sim:reference,file={image}"], stdout=subprocess.PIPE,
                              env=env)
    pid = int(client.stdout.readline())
    opened = os.pidfd_open(pid)
    client.kill()
    client.communicate()
    assert select.select([opened], [], [], 60)[0], "the session lives on"
    os.close(opened)
    assert image.read_bytes() == before


def test_a_device_that_goes_away_is_an_error_and_3(talk):
    t = talk("sim:reference,unplug=60ms")
    answers = iter(lambda: t("read", lba=0), None)
    assert next(answers)["exchange"]["status"] == 0
    gone = next(a for a in answers if "error" in a)
    assert gone["error"]["kind"] == "gone" and gone["error"]["exit_status"] == 3
    assert "mscope: " in t.end(3)


def test_a_run_that_the_device_leaves_has_its_result(talk):
    t = talk("sim:reference,unplug=25ms")
    gone = t("check")
    assert gone["error"]["kind"] == "gone" and gone["result"]["exit_status"] == 3 and gone["result"]["reason"]
    t.end(3)


@pytest.mark.parametrize("args, status, says", [
    (["usb:dead:beef"], 3, "no such device"), (["sim:reverence"], 2, "did you mean 'reference'"), ([], 2, "no target"),
    (["sim:reference", "sim:lsd"], 2, "one target"), (["sim:reference", "--profile", "usbfi"], 2, "no profile"),
    (["sim:reference", "--allow-unsafe"], 2, "goes with --allow-writes")])
def test_a_session_that_cannot_begin(mscope, args, status, says):
    p = mscope("session", *args, status=status, stdin=subprocess.DEVNULL)
    assert says in p.err
    if status == 2:
        assert p.out == ""
    else:
        answer = json.loads(p.out)
        ANSWER.validate(answer)
        assert answer["id"] is None and answer["error"]["exit_status"] == status


def test_whoever_reads_the_answers_may_leave(mscope):
    full = os.open("/dev/full", os.O_WRONLY)
    p = mscope.popen("session", "sim:reference", stdin=subprocess.PIPE, stdout=full)
    os.close(full)
    _, err = p.communicate(b'{"id":1,"op":"unit"}\n' * 3, timeout=30)
    assert p.returncode == 4 and b"No space left" in err


def test_the_schema_names_every_member():
    """The table of the program and the schema are the same."""
    fields = re.findall(r'F\(\w+, "(\w+)"', (TOP / "lib/report/ask_fields.h").read_text())
    told = set()
    for request in SCHEMA["$defs"]["request"]["oneOf"]:
        told |= set(request["properties"]) | set(request["properties"].get("cbw", {}).get("properties", {}))
    assert set(fields) == told
