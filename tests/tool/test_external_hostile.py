# SPDX-License-Identifier: BSD-2-Clause
"""Firmware of others that does not come back, and what else it does to the process that it runs in."""
import json

import pytest
from test_external import EXAMPLE, build, dies, source

NEVER = """
static volatile bool never;
static void enter(mscope_board *b) { b->ep_open(b, 0, 64); b->ep_open(b, 0x80, 64); }
"""
PARAMETERS = {"setup": ", const uint8_t p[8]", "received": ", uint8_t ep, size_t n"}


@dies
@pytest.mark.parametrize("where, body, told", [
    ("setup", "b->spin(b, 1000);", "setup: a loop without an end, that calls spin"),
    ("setup", "b->spin(b, INT64_MAX);", "setup: it computes for more than two minutes"),
    ("setup", "b->wait_for_interrupt(b);", "setup: a loop without an end, that calls wait_for_interrupt"),
    ("setup", "b->timer(b, INT64_MAX, 0, 0);", "setup: a loop without an end, that calls timer"),
    ("setup", "b->ep0_in(b, p, 0);", "setup: a loop without an end, that calls ep0_in"),
    ("setup", "static char x[65536]; b->medium_read(b, 0, 128, x);", "setup: a loop without an end, that calls medium_read"),
    ("bus_reset", "b->spin(b, 1);", "bus_reset: a loop without an end, that calls spin"),
    ("start", "b->spin(b, 1000);", "start: a loop without an end, that calls spin"),
    ("main", "b->spin(b, 1);", "main: a loop without an end, that calls spin"),
])
def test_a_handler_that_does_not_come_back_is_told_whatever_it_calls(mscope, where, body, told):
    so = source(mscope, NEVER + f"""static void f(mscope_board *b{PARAMETERS.get(where, '')}) {{
{'(void)p;' if where == 'setup' else ''} while (!never) {{ {body} }} }}
const struct mscope_firmware mscope_firmware = {{ MSCOPE_FIRMWARE_BEGIN, .{where} = f,
{'.bus_reset = enter' if where != 'bus_reset' else '.resume = enter'} }};
""", flags=["-Wno-unused-function"])
    assert f"the firmware has died in {told}" in mscope("probe", f"sim:{so}", status=3).err


@dies
@pytest.mark.parametrize("where, parameters, calls, after, spec, select", [
    ("setup", ", const uint8_t p[8]", "setup(b, p);", 60, "", "bot.case0*"),
    ("ep0_sent", "", "ep0_sent(b);", 60, "", "bot.case0*"),
    ("ep0_received", ", size_t n", "ep0_received(b, n);", 60, "", "bot.case0*"),
    ("sent", ", uint8_t ep", "sent(b, ep);", 60, "", "bot.case0*"),
    ("received", ", uint8_t ep, size_t n", "received(b, ep, n);", 60, "", "bot.case0*"),
    ("suspend", "", "", 1, "", "usb.suspend.*"), ("resume", "", "", 1, "", "usb.suspend.*"),
    ("medium", ", bool present", "", 1, ",event=card-out@cbw:20", "bot.case0*"),
    ("eject", "", "", 1, ",event=eject@cbw:20", "bot.case0*"),
    ("a timer", ", void *arg", "", 1, "", "bot.case0*"),
])
def test_each_handler_may_hang_in_the_middle_of_a_run(mscope, where, parameters, calls, after, spec, select):
    """Its results are kept, the next bus reset starts it anew, and what it had yet to do is not done any more. 120 calls of
    spin are the two minutes."""
    defined = "const struct mscope_firmware mscope_firmware = {"
    head, tail = (EXAMPLE / "port_mscope.c").read_text().split(defined)
    handler = "start = armed" if where == "a timer" else f"{where} = hangs"
    (mscope.cwd / "port.c").write_text(f"""{head}
static volatile bool never;
static void hangs(mscope_board *b{parameters}) {{
	static unsigned n_calls;
	{calls}
	if (++n_calls == {after}) while (!never) b->spin(b, 1000000000);
}}
static void armed(mscope_board *b) {{ start(b); b->timer(b, 200000000, (void (*)(mscope_board *, void *))hangs, 0); }}
{defined}{tail.replace("};", f"	.{handler},{chr(10)}}};")}""")
    so = build(mscope.cwd, EXAMPLE / "disk.c", mscope.cwd / "port.c", flags=["-w"])
    document = mscope.json("check", f"sim:{so}{spec}", "-s", select, "-s", "usb.descriptor.*", status=1)
    dead = [f["message"] for c in document["cases"] for f in c["findings"] if f["rule"] == "firmware.dead"]
    assert dead and set(dead) == {f"the firmware has died in {where}: it computes for more than two minutes"}
    assert document["summary"]["error"] == 0 and document["summary"]["pass"] > len(dead)


def in_verify(mscope, body, before=""):
    """The example, with this in the middle of VERIFY(10)."""
    text, defect = (EXAMPLE / "disk.c").read_text(), 'if (hw_defect("crash") && cmd.cb[0] == 0x2f)'
    (mscope.cwd / "verify.c").write_text("#include <fenv.h>\n#include <pthread.h>\n#include <stdlib.h>\n#include <unistd.h>\n" + before +
                                         text.replace(defect, f"if (cmd.cb[0] == 0x2f) {{ {body} }}\n	{defect}"))
    return build(mscope.cwd, mscope.cwd / "verify.c", EXAMPLE / "port_mscope.c", flags=["-w", "-D_GNU_SOURCE"])


VERIFY = ["-s", "bot.case01.*", "-s", "bot.case06.*"]


@dies
def test_interrupts_that_stay_disabled_are_told(mscope):
    so = in_verify(mscope, "hw_mask(); for (;;) hw_spin_us(100);", "void hw_mask(void);\n")
    port = mscope.cwd / "port.c"
    port.write_text((EXAMPLE / "port_mscope.c").read_text() + "void hw_mask(void);\nvoid hw_mask(void) { board->irq_disable(board); }\n")
    so = build(mscope.cwd, mscope.cwd / "verify.c", port, flags=["-w", "-D_GNU_SOURCE"])
    found = [f["message"] for c in mscope.json("check", f"sim:{so}", *VERIFY, status=1)["cases"] for f in c["findings"]]
    assert "the firmware has died in main: it computes for more than 5 s while an interrupt waits that it has disabled" in found


def test_interrupts_disabled_before_it_is_enumerated_are_named(mscope):
    so = source(mscope, "static void f(mscope_board *b) { b->irq_disable(b); for (;;) b->spin(b, 100000); }\n"
                        "static void reset(mscope_board *b) { (void)b; }\n"
                        "const struct mscope_firmware mscope_firmware = { MSCOPE_FIRMWARE_BEGIN, .main = f, .bus_reset = reset };\n")
    assert "the firmware has its interrupts disabled, and one waits" in mscope("probe", f"sim:{so}", status=3).err


def test_what_it_prints_is_not_among_the_results(mscope):
    so = in_verify(mscope, 'printf("printed"); puts("put");', "#include <stdio.h>\n")
    for arguments in ((), ("--json", "-")):
        run = mscope("check", f"sim:{so}", *VERIFY, *arguments)
        assert "printed" not in run.out and "printedput" in run.err.replace("\n", "")
    json.loads(run.out)


def test_a_limit_that_it_sets_to_the_size_of_files_costs_no_results(mscope):
    so = in_verify(mscope, "struct rlimit r; getrlimit(RLIMIT_FSIZE, &r); r.rlim_cur = 1; setrlimit(RLIMIT_FSIZE, &r);",
                   "#include <sys/resource.h>\n")
    mscope("check", f"sim:{so}", *VERIFY, "--json", "out.json")
    assert json.loads((mscope.cwd / "out.json").read_text())["summary"]["pass"] > 4


def test_a_device_that_no_reset_brings_back_gets_its_power_taken(mscope):
    """Its main loop waits for ever; what comes behind it is run, and that is said once."""
    so = in_verify(mscope, "for (;;) hw_wait();")
    document = mscope.json("check", f"sim:{so}", *VERIFY, status=1)
    assert document["summary"]["fail"] == 1 and document["summary"]["pass"] > 4
    assert "\n".join(document["notes"]).count("it answers again after its power was off") == 1


def test_who_waits_for_get_max_lun_is_asked(mscope):
    document = mscope.json("check", "sim:reference,fault=maxlun-arms", "-s", "bot.c*", status=1)
    assert "\n".join(document["notes"]).count("it answers again after it was asked for Get Max LUN") == 1
    assert not [c for c in document["cases"] if (c["reason"] or "").startswith("not run")]


def test_a_medium_in_a_file_is_what_it_was_before_the_case(mscope):
    """What the case has written to it is put back where the firmware ends the process, and the journal is gone."""
    so = in_verify(mscope, "static char z[512]; hw_write(0, 1, z); hw_write(hw_blocks() - 2, 1, z); _exit(3);")
    disk = mscope.cwd / "disk.img"
    before = b"".join(i.to_bytes(4, "little") * 128 for i in range(8192))
    disk.write_bytes(before)
    del mscope.env["MSCOPE_WATCH_MEDIUM"]      # the defect itself writes where nothing was permitted
    document = mscope.json("check", f"sim:{so},file={disk}", "--allow-writes", *VERIFY, status=1)
    assert document["summary"]["fail"] == 1 and document["summary"]["pass"] > 4
    assert disk.read_bytes() == before and "earlier run" not in mscope("check", f"sim:{so},file={disk}", "-s", "bot.case06.*").out


@dies
@pytest.mark.parametrize("body, before, told", [
    ("close(1);", "", "it has closed descriptors of the process"),
    ("dup2(open(\"/dev/null\", 2), 1);", "#include <fcntl.h>\n", "it has closed descriptors of the process"),
    ("close(2);", "", "it has closed descriptors of the process"),
    ("fork();", "", None),                     # the child must not go on with the run
    ("if (!fork()) for (;;) pause();", "", None),  # nor keep the output open
    ("alarm(1); sleep(2);", "", None),
    ("feenableexcept(FE_ALL_EXCEPT); fesetround(FE_UPWARD);", "", None),
    ("pthread_t t; pthread_create(&t, 0, go_on, 0);", "static void *go_on(void *a) { for (;;) usleep(1000); }\n", None),
    ("atexit(stay);", "static void stay(void) { for (;;) pause(); }\n", None),
])
def test_what_it_does_to_the_process_harms_nothing_else(mscope, body, before, told):
    so = in_verify(mscope, body, before)
    document = mscope.json("check", f"sim:{so}", *VERIFY, status=1 if told else 0)
    dead = [f["message"] for c in document["cases"] for f in c["findings"]]
    assert len(dead) == (1 if told else 0) and all(told in message for message in dead)
    assert document["summary"]["pass"] > 4


def test_who_ends_the_run_is_heard_while_the_firmware_blocks(mscope):
    """The signal reaches whoever takes the place of the process that is ended; the firmware says when it blocks."""
    so = in_verify(mscope, 'close(creat("here", 0600)); for (;;) pause();', "#include <fcntl.h>\n")
    process = mscope.popen("check", f"sim:{so}", "--json", "out.json")
    while not (mscope.cwd / "here").exists():
        assert process.poll() is None
    process.terminate()
    process.communicate(timeout=180)
    document = json.loads((mscope.cwd / "out.json").read_text())
    assert document["reason"] == "interrupted" and document["summary"]["skip"] > 200
