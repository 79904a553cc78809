# SPDX-License-Identifier: BSD-2-Clause
"""mscope serve and the target usbip:, against each other: the same device shows the same through both."""
import concurrent.futures
import json
import re
import signal
import socket
import struct

import pytest
from conftest import TOP, listing
from usbip import DEVLIST, GET_DEVICE, SET_CONFIGURATION, Client, Serve, op

# They wait for ten seconds and more, or read as long.
SLOW = {"attach.windows.idle", "attach.linux.hold", "attach.windows.fat32"}

# USB/IP cannot suspend the bus, so there they are skipped.
SUSPEND = {"usb.suspend.idle", "usb.suspend.medium", "usb.suspend.reset"}

# Their defects do not depend on how long a host takes between two commands.
FAULTS = """
    capacity-count cbw-replayed cbw-signature-unchecked configuration-keeps-halt csw-padded csw-signature csw-tag data-excess
    data-missing inquiry-clamp mode-length maxlun-fields phase-needless port-reset-loses-command inquiry-short residue-zero
    sense-stale status-reserved cb-length-strict zlp-before-csw
""".split()


def findings(mscope, target, patterns):
    """The exit status, and of each case its verdict and the rules that found something."""
    select = [word for name in scenarios(patterns) for word in ("--select", name)]
    process = mscope.popen("check", target, *select, "--json", "-", "-q")
    out, err = process.communicate(timeout=600)
    assert out, err
    cases = json.loads(out)["cases"]
    return process.returncode, {case["name"]: (case["verdict"], sorted({f["rule"] for f in case["findings"]})) for case in cases}


def scenarios(patterns):
    return [s["name"] for s in listing("scenarios")
            if s["name"] not in SLOW | SUSPEND and any(s["name"].startswith(p) for p in patterns)]


def compare(mscope, tmp_path, targets, patterns):
    with Serve(tmp_path, *targets) as serve, concurrent.futures.ThreadPoolExecutor(8) as pool:
        served = pool.map(lambda i: findings(mscope, serve.target(i + 1), patterns), range(len(targets)))
        direct = [findings(mscope, target, patterns) for target in targets]
        for target, want, got in zip(targets, direct, served):
            assert want[1] and got == want, target
        assert "cannot keep up" not in serve.said()
    return direct


def test_what_cannot_be_suspended_is_skipped_and_says_why(mscope, tmp_path):
    """No other case is, and the device is as ready afterwards as before: the one that follows passes."""
    with Serve(tmp_path, "sim:reference") as serve:
        names = [*sorted(SUSPEND), "bot.case06.inquiry"]
        process = mscope.popen("check", serve.target(1), *[w for name in names for w in ("--select", name)], "--json", "-")
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    cases = {case["name"]: (case["verdict"], case["reason"]) for case in json.loads(out)["cases"]}
    skipped = ("skip", "USB/IP has no message that suspends a device")
    assert cases == {name: skipped for name in SUSPEND} | {"bot.case06.inquiry": ("pass", None)}


def test_an_estimate_that_hangs_make_wrong_is_corrected(mscope, tmp_path):
    """Also where there is no terminal to show progress on."""
    with Serve(tmp_path, "sim:reference,fault=hang-when-short") as serve:
        process = mscope.popen("check", serve.target(), "--select", "bot.case*", "--timeout", "300ms")
        _, err = process.communicate(timeout=120)
    assert process.returncode == 1, err
    assert re.search(rb"^mscope: \d+ cases, \d+ s to \d+ s in all$", err, re.M), err
    assert re.search(rb"^mscope: \d+ of \d+ cases in \d+ s; now \d+ (s|minutes) to \d+ (s|minutes) in all$", err, re.M), err


def test_every_model_has_the_same_verdicts(mscope, tmp_path):
    """What a hostile device does follows from its seed and every request before; one that is not wild, from the commands alone: a
    busy host that asks once more does not change it."""
    capture = next((TOP / "captures/reference-full").glob("*.pcap*"))
    knobs = {"recorded": f",capture={capture}", "hostile": ",wild=0"}
    models = [f"sim:{f['name']}{knobs.get(f['name'], '')}" for f in listing("firmware")]
    compare(mscope, tmp_path, [*models, "sim:reference,speed=full,host=ohci,luns=2"], ["bot.", "scsi.", "usb.", "attach.", "field.", "lsd.", "gadget."])


def test_faults_have_the_same_verdicts(mscope, tmp_path):
    assert len(FAULTS) >= 20 and set(FAULTS) <= {fault["name"] for fault in listing("faults")}
    direct = compare(mscope, tmp_path, [f"sim:reference,fault={fault}" for fault in FAULTS], ["bot.", "scsi.", "usb.", "field."])
    assert all(status == 1 for status, _ in direct)


def write_block(client, lba, data):
    """As a host does: TEST UNIT READY takes the unit attention away, then WRITE(10)."""
    assert client.control(1, SET_CONFIGURATION)[2] == 0
    for tag, cdb, out in ((1, bytes(6), b""), (2, struct.pack(">BxIxHx", 0x2a, lba, len(data) // 512), data)):
        cbw = struct.pack("<4sIIBBB16s", b"USBC", tag, len(out), 0, 0, len(cdb), cdb)
        client.submit(10 * tag, 2, 31, 0, cbw)
        if out:
            client.submit(10 * tag + 1, 2, len(out), 0, out)
        client.submit(10 * tag + 2, 1, 13)
        answers = [client.answer() for _ in range(3 if out else 2)]
        assert [status for _, _, status, _ in answers] == [0] * len(answers)
    assert answers[-1][3] == struct.pack("<4sIIB", b"USBS", 2, 0, 0)


def test_writes_and_a_medium_that_is_a_file(mscope, tmp_path):
    """A run puts back what it writes; and without --allow-writes of the server nothing comes into the file."""
    image = tmp_path / "image"
    before = bytes(range(256)) * 4096
    image.write_bytes(before)
    for args in ([], ["--allow-writes"]):
        with Serve(tmp_path, f"sim:reference,file={image}", args=args) as serve:
            mscope("check", serve.target(), "--allow-writes", "--select", "scsi.write*", timeout=600)
            assert image.read_bytes() == before
            with Client(serve.port, "1-1") as client:
                write_block(client, 7, b"x" * 1024)
    assert image.read_bytes() == before[:7 * 512] + b"x" * 1024 + before[9 * 512:]


def test_what_is_shown(mscope, tmp_path):
    """What a host has to type, which works; two devices at once, and one at a time for each."""
    with Serve(tmp_path, "sim:reference", "sim:stm32", args=()) as serve:
        assert serve.shown.splitlines() == [
            "1-1  sim:reference (1209:0001, high speed)",
            f"     mscope check usbip:127.0.0.1:{serve.port}/1-1",
            f"     usbip --tcp-port {serve.port} attach -r 127.0.0.1 -b 1-1",
            "1-2  sim:stm32 (0483:572a, full speed)",
            f"     mscope check usbip:127.0.0.1:{serve.port}/1-2",
            f"     usbip --tcp-port {serve.port} attach -r 127.0.0.1 -b 1-2",
            f"serving at 127.0.0.1 port {serve.port}"]
        with Client(serve.port, "1-1"):
            p = mscope("probe", serve.target(1), status=3)
            assert p.err == f"mscope: {serve.target(1)}: somebody else has imported the device\n"
            assert "full speed" in mscope("probe", serve.target(2)).out
        assert "high speed" in mscope("probe", serve.target(1)).out
        bench = mscope("bench", serve.target(1), "-n", "1", "-b", "1", "--mode", "serial").out
        assert "\nbus       none on this host: a program serves the device over USB/IP" in bench
        assert ", timestamps: usbip, " in bench
        assert serve.said() == ""
        assert serve.stop(signal.SIGINT) == -signal.SIGINT


def test_the_list(tmp_path):
    with Serve(tmp_path, "sim:reference,composite=1", "sim:linux-gadget") as serve, Client(serve.port) as client:
        client.say(op(DEVLIST))
        assert client.take(12) == struct.pack(">HHII", 0x0111, 5, 0, 2)
        for busid, vendor, classes in ((b"1-1", 0x1209, [0xff, 8]), (b"1-2", 0x0525, [8])):
            raw = client.take(312)
            assert raw[256:288] == busid.ljust(32, b"\0") and raw[:256].rstrip(b"\0").endswith(b"/" + busid)
            assert struct.unpack(">H", raw[300:302]) == (vendor,) and raw[311] == len(classes)
            assert [client.take(4)[0] for _ in classes] == classes
        assert client.is_closed()


@pytest.mark.parametrize("name, status, says", [
    ("usbip:", 2, "usbip: expected usbip:HOST[:PORT]/BUSID"),
    ("usbip:127.0.0.1:x/1-1", 2, "usbip: '127.0.0.1:x' is not HOST, HOST:PORT or [ADDRESS]:PORT"),
    ("usbip:127.0.0.1:70000/1-1", 2, "usbip: '127.0.0.1:70000' is not HOST, HOST:PORT or [ADDRESS]:PORT"),
    ("usbip:[::1/1-1", 2, "usbip: '[::1' is not HOST, HOST:PORT or [ADDRESS]:PORT"),
    ("usbip:127.0.0.1/" + "1" * 32, 2, "usbip: expected usbip:HOST[:PORT]/BUSID"),
    ("usbip:127.0.0.1:1/1-1", 3, "usbip:127.0.0.1:1: cannot connect to a USB/IP server: Connection refused"),
])
def test_names_that_are_none(mscope, name, status, says):
    assert mscope("probe", name, status=status).err == f"mscope: {says}\n"


def test_devices_that_are_not_there(mscope, tmp_path):
    with Serve(tmp_path, "sim:reference") as serve:
        server = f"usbip:127.0.0.1:{serve.port}"
        for busid, says in (("/1-2", "/1-2: no such device"), ("", f": add the bus id of a device, as in {server}/1-1")):
            p = mscope("probe", server + busid, status=3)
            assert p.err == f"mscope: {server}{says}; the server exports 1-1 (1209:0001)\n"


@pytest.mark.parametrize("args, status, says", [
    (["serve"], 2, "no target"),
    (["serve", "usb:1234:5678"], 2, "usb:1234:5678: only a simulated device can be served, as in sim:reference"),
    (["serve", "sim:reference", "sim:reverence"], 2, "did you mean 'reference'?"),
    (["serve", "sim:reference", "--listen", "127.0.0.1:99999"], 2, "--listen: '127.0.0.1:99999' is not HOST"),
    (["serve", "sim:reference", "--listen", "203.0.113.1:0"], 3, "cannot listen at 203.0.113.1"),
    (["serve", "sim:reference,file=missing", "--listen", "127.0.0.1:0"], 4, "missing"),
])
def test_serve_refuses(mscope, args, status, says):
    p = mscope(*args, status=status)
    assert p.out == "" and says in p.err


def can_import(port):
    with Client(port) as client:
        return client.ask("1-1") == 0


def test_a_cable_that_is_pulled(mscope, tmp_path):
    """The client is told, and so is who asks for a list; a device that comes back can be imported again."""
    with Serve(tmp_path, "sim:reference,event=unplug@cbw:9,event=plug@cbw:9+8s") as serve:
        p = mscope("check", serve.target(), "--select", "scsi.*", status=3)
        assert re.search(r"(the server closed the connection|the connection to the server broke|the device went away|has left)", p.err)
        serve.wait_for("loses the device, which has been unplugged")
        serve.wait_until(lambda: can_import(serve.port))
        mscope("probe", serve.target())


def test_ipv6(mscope, tmp_path):
    """Where the host has it."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this host has no IPv6")
    process = mscope.popen("serve", "sim:reference", "--listen", "[::1]:0", text=True)
    try:
        shown = ""
        while "serving at" not in shown:
            shown += process.stdout.readline()
        target = re.search(r"usbip:\[::1\]:\d+/1-1", shown).group()
        assert "Reference Disk" in mscope("probe", target).out
    finally:
        process.kill()
        process.communicate()


def test_the_clock_of_a_stopped_server_goes_on(mscope, tmp_path):
    """Nothing that was to happen while it stood still is left out: the device is as fast as ever."""
    with Serve(tmp_path, "sim:stm32") as serve, Client(serve.port, "1-1") as client:
        serve.process.send_signal(signal.SIGSTOP)
        client.submit(1, 0, 18, setup=GET_DEVICE)
        serve.process.send_signal(signal.SIGCONT)
        assert client.answer()[:3] == (3, 1, 0)


def test_a_port_reset_is_inferred(tmp_path):
    """As Linux resets: GET_DESCRIPTOR with 64, then at once with 8 or 18. The device has then lost its configuration."""
    get_64 = bytes.fromhex("8006000100004000")
    get_configuration = bytes.fromhex("8008000000000100")
    get_status = bytes.fromhex("8000000000000200")
    with Serve(tmp_path, "sim:reference") as serve, Client(serve.port, "1-1") as client:
        for between, again, is_reset in (([], GET_DEVICE, True), ([], bytes.fromhex("8006000100000800"), True),
                                         ([], get_64, False), ([get_status], GET_DEVICE, False)):
            assert client.control(1, SET_CONFIGURATION)[2] == 0
            for setup in (get_64, *between, again):
                assert client.control(2, setup, setup[6])[2] == 0
            assert client.control(3, get_configuration, 1)[3] == bytes([not is_reset])
        assert serve.said().count("the client has reset the port: inferred") == 2


def test_what_a_client_does_is_recorded(mscope, tmp_path):
    """Packet by packet, from the import on: decode shows the same commands on both sides of the network."""
    with Serve(tmp_path, "sim:reference,fault=csw-tag", args=("-v", "--record", "bus.pcap")) as serve:
        mscope("check", serve.target(), "--select", "bot.case05*", "-q", "--record", "client.pcap", status=1)
        assert serve.stop(signal.SIGINT) == -signal.SIGINT
    sides = [mscope.json("decode", name, status=1) for name in (tmp_path / "bus.pcap", "client.pcap")]
    commands = [[(x["cdb"], x["status"], x["transferred"]) for x in d["exchanges"] if x["kind"] == "exchange"] for d in sides]
    assert len(commands[0]) > 20 and commands[0] == commands[1]
    assert sides[0]["summary"]["evidence"]["bus"] and not sides[1]["summary"]["evidence"]["bus"]
    assert {f["rule"] for f in sides[0]["summary"]["findings"]} >= {"bot.csw.tag"}
    two = mscope("serve", "sim:reference", "sim:lsd", "--record", "bus.pcap", status=2)
    assert "one target" in two.err
