# SPDX-License-Identifier: BSD-2-Clause
"""check --bring-up: it does what hosts do, stops where one of them would give up, and says what to do."""
import pytest


def steps(out):
    return [line.split()[1] for line in out.splitlines() if line.startswith("   ok ")]


def said(out, head):
    """What stands after each line that begins with this word."""
    found, at = [], None
    for line in out.splitlines():
        if line.startswith(head):
            found.append(line[10:])
            at = found
        elif at and line.startswith(" " * 10):
            found[-1] += " " + line.strip()
        else:
            at = None
    return found


def test_hosts_come_first(mscope):
    out = mscope("check", "sim:reference", "--bring-up", "--allow-writes").out
    names = steps(out)
    hosts = [n.startswith("attach.") for n in names]
    assert hosts.count(True) == 13 and hosts == sorted(hosts, reverse=True)
    assert names[0] == "attach.linux.enumerate" and names.index("attach.linux.probe") < names.index("attach.windows.probe")
    assert "bot.case06.read10" in names and "profile   interop\n" in out
    next_, = said(out, "next ")
    assert "all steps passed" in next_ and not said(out, "not tried")


@pytest.mark.parametrize("fault, step, rule, command", [
    ("config-walk", "attach.linux.enumerate", "usb.config.walk", "GET_DESCRIPTOR configuration"),
    ("interface-subclass", "attach.linux.enumerate", "bot.interface.form", "GET_DESCRIPTOR configuration"),
    ("interface-protocol", "attach.linux.enumerate", "bot.interface.form", "GET_DESCRIPTOR configuration"),
    ("csw-12", "attach.linux.enumerate", "bot.csw.length", "REQUEST SENSE"),
    ("hang-when-short", "attach.linux.probe", "bot.csw.missing", "MODE SENSE(6) page 0x3f"),
    ("residue-adds", "attach.linux.enumerate", "bot.csw.residue", "TEST UNIT READY"),
    ("toggle-kept", "attach.linux.probe", "bot.csw.missing", "MODE SENSE(6) page 0x3f"),
    ("inquiry-short", "attach.linux.probe", "scsi.inquiry.length", "INQUIRY"),
    ("hang-vpd", "attach.windows.probe", "bot.data.hang", "INQUIRY evpd 1"),
    ("hang-prevent", "attach.linux.hold", "bot.csw.missing", "PREVENT ALLOW MEDIUM REMOVAL"),
])
def test_it_stops_at_what_stops_a_host_and_says_what_to_do_there(mscope, fault, step, rule, command):
    out = mscope("check", f"sim:reference,fault={fault}", "--bring-up", status=1).out
    assert f" FAIL     {step} " in out and out.count("\n FAIL ") == 1
    next_, = said(out, "next ")
    assert next_.startswith(command) and rule in next_ and "usual mistake" in next_
    assert "not run in" in " ".join(out.split()) and step not in steps(out)


@pytest.mark.parametrize("fault", ["reset-hangs", "sense-opcode", "residue-zero"])
def test_what_stops_no_host_is_listed(mscope, fault):
    """No host sends what shows it, or minds it: the walk goes on to its end, and is no clean bill either."""
    out = mscope("check", f"sim:reference,fault={fault}", "--bring-up", "--allow-writes").out
    assert "\n FAIL " not in out and "\n warn " in out and "not run in" not in out
    next_, = said(out, "next ")
    assert "wrong all the same" in next_


def test_what_could_not_be_looked_at_is_not_told(mscope):
    out = mscope("check", "sim:linux-gadget", "--bring-up").out
    untold = said(out, "not tried")
    assert any("attach.linux.probe: READ CAPACITY does not pass" in u for u in untold)
    assert any("attach.linux.copy" in u for u in untold)
    next_, = said(out, "next ")
    assert "unknown" in next_ and "passed" not in next_
    untold = said(mscope("check", "sim:reference", "--bring-up").out, "not tried")
    assert untold == ["attach.linux.copy, attach.windows.copy, attach.macos.copy: writes to the medium; give --allow-writes to allow it"]


def test_no_host_binds(mscope):
    for variant in ("subclass-lsdfs", "subclass-ieee1667"):
        next_, = said(mscope("check", f"sim:reference,variant={variant}", "--bring-up").out, "next ")
        assert "no driver of a host binds" in next_


def test_a_write_that_fails_stops_a_host(mscope):
    out = mscope("check", "sim:reference,fault=csw-missing-write", "--bring-up", "--allow-writes", status=1).out
    assert " FAIL     attach.linux.copy " in out


def test_the_gadget_in_its_default_form_passes(mscope):
    out = mscope("check", "sim:linux-gadget,blocks=16384", "--bring-up", "--allow-writes").out
    assert "\n FAIL " not in out and len([n for n in steps(out) if n.startswith("attach.")]) == 13


def test_a_device_that_cannot_be_enumerated(mscope):
    done = mscope("check", "sim:hostile,seed=4,wild=20", "--bring-up", status=3)
    assert " FAIL     enumeration\n" in done.out and "\nnext " in done.out
    assert done.err.startswith("mscope: sim:hostile,seed=4,wild=20: ")


def test_it_has_an_order_of_its_own(mscope):
    done = mscope("check", "sim:reference", "--bring-up", "--select", "bot.*", status=2)
    assert "--select" in done.err


def test_a_document_holds_the_steps(mscope):
    document = mscope.json("check", "sim:reference,fault=csw-12", "--bring-up", status=1)
    assert document["cases"][-1]["verdict"] == "fail"
    assert document["summary"]["fail"] == 1


def test_a_rule_is_explained_once(mscope):
    out = mscope("check", "sim:reference,fault=stall-missing", "--bring-up").out
    cases = out[out.index("\n   ok "):]
    assert cases.count("bot.data.short: ") > 5
    assert cases.count("why:      hosts accept a short packet alone") == 1
    assert mscope("check", "sim:reference,fault=residue-zero", "-v", "-s", "bot.case05*", status=1).out.count("demand:   the residue of bulk-in") == 1
