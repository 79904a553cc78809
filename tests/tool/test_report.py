# SPDX-License-Identifier: BSD-2-Clause
"""mscope report: one page that opens offline in Chromium, with every chart drawn from the data, and used by keyboard."""
import base64
import json
import os
import re
import subprocess
import zlib

import pytest
from conftest import TOP, Mscope
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

CAPTURE = TOP / "captures/reference-full/capture.pcap"
MARKUP = "</script><script>window.ran=1</script><img src=x onerror=window.ran=1>"
PARTS = ["causes", "verdicts", "findings", "time", "throughput", "latency", "comparison", "scope", "history", "files"]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Results of every kind, and the page of all of them."""
    m = Mscope(tmp_path_factory.mktemp("report"))
    m("check", "sim:reference", "-s", "TD1.9", "-s", "TD1.5", "--json", "old.json", "-q")
    m("check", f"sim:reference,fault=residue-zero,serial={MARKUP}", "-s", "bot.case0*", "--json", "new.json", "-q", status=1)
    for name, target in (("before", "sim:stm32,stage=cube"), ("after", "sim:stm32")):
        m("bench", target, "--count", "20", "--json", f"{name}.json", "-q")
    m("pace", "sim:stm32", "--json", "pace.json", "-q")
    capture = m.cwd / ("a_folder_with_a_long_name_" * 4) / "capture.pcap"
    capture.parent.mkdir()
    capture.symlink_to(CAPTURE)
    m("decode", capture, "--json", "decode.json", status=None)
    m("report", *(f"{n}.json" for n in ("old", "new", "before", "after", "pace", "decode")), "-o", "page.html")
    return m


def document(place, name):
    return json.loads((place.cwd / f"{name}.json").read_text())


@pytest.fixture(scope="module")
def chromium():
    """With no network at all: a page that wanted any would say so on its console."""
    options = webdriver.ChromeOptions()
    for switch in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1100,900",
                   "--host-resolver-rules=MAP * ~NOTFOUND"):
        options.add_argument(switch)
    options.binary_location = "/usr/bin/chromium"
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    yield browser
    browser.quit()


@pytest.fixture
def page(chromium, place):
    chromium.get(f"file://{place.cwd}/page.html")
    yield chromium
    assert chromium.get_log("browser") == []
    assert chromium.find_elements(By.CSS_SELECTOR, ".broken") == []


def colors(png):
    """How many pixels of each colour: of an 8-bit RGB or RGBA picture, without interlace."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    width, height, depth, kind = *(int.from_bytes(png[i:i + 4], "big") for i in (16, 20)), png[24], png[25]
    assert depth == 8 and kind in (2, 6)
    at, packed = 8, b""
    while at < len(png):
        length, name = int.from_bytes(png[at:at + 4], "big"), png[at + 4:at + 8]
        packed += png[at + 8:at + 8 + length] if name == b"IDAT" else b""
        at += length + 12
    raw, n = zlib.decompress(packed), 3 if kind == 2 else 4
    above, count = bytearray(width * n), {}
    for y in range(height):
        filtered, line = raw[y * (width * n + 1)], bytearray(raw[y * (width * n + 1) + 1:(y + 1) * (width * n + 1)])
        for i in range(len(line) if filtered else 0):
            a, b, c = line[i - n] if i >= n else 0, above[i], above[i - n] if i >= n else 0
            nearest = min((a, b, c), key=lambda x: abs(a + b - c - x))
            line[i] = (line[i] + (a, b, (a + b) // 2, nearest)[filtered - 1]) & 255
        for i in range(0, len(line), n):
            pixel = bytes(line[i:i + 3])
            count[pixel] = count.get(pixel, 0) + 1
        above = line
    return count


def picture(page, element, scale=.25):
    box = page.execute_script("const r = arguments[0].getBoundingClientRect();"
                              "return {x: r.x + scrollX, y: r.y + scrollY, width: r.width, height: r.height}", element)
    shot = page.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "format": "png", "clip": box | {"scale": scale}})
    return colors(base64.b64decode(shot["data"]))


def test_it_is_one_file_that_asks_for_nothing(place):
    text = (place.cwd / "page.html").read_text()
    program = re.search(r"<script>(.*?)</script>", text, re.S).group(1)
    assert len(re.findall(r"<script", text)) == len(re.findall(r"</script>", text)) == 2
    assert not re.search(r"<[a-z]+[^>]*\b(src|href)=", text) and "default-src 'none'" in text
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|fetch\(|import\(", re.sub(r"/\*.*?\*/", "", program, flags=re.S))


@pytest.mark.nosan
def test_every_part_is_there_causes_first(page):
    assert [s.get_attribute("id") for s in page.find_elements(By.TAG_NAME, "section")] == PARTS
    assert page.find_element(By.CSS_SELECTOR, "#causes .card strong").text == "residue-zero"


@pytest.mark.nosan
def test_every_chart_is_drawn(page):
    charts = page.find_elements(By.CSS_SELECTOR, "svg.chart")
    assert len(charts) == 7
    for chart in charts:
        assert chart.get_attribute("aria-label")
        assert "NaN" not in chart.get_attribute("outerHTML") and "undefined" not in chart.get_attribute("outerHTML")
        assert len(chart.find_elements(By.CSS_SELECTOR, "path.s, rect, circle")) >= 2
        inked = sorted(picture(page, chart).values(), reverse=True)
        assert len(inked) > 8 and sum(inked[1:]) > 200, chart.get_attribute("aria-label")


@pytest.mark.nosan
def test_what_is_drawn_is_the_data(page, place):
    new, after = document(place, "new"), document(place, "after")
    shown = [s.text for s in page.find_elements(By.CSS_SELECTOR, "#verdicts summary code")]
    assert shown == [c["name"] for c in new["cases"] if c["verdict"] in ("fail", "error", "warn")] and shown
    dots = [t.get_attribute("textContent") for t in page.find_elements(By.CSS_SELECTOR, "#throughput figure")[1].find_elements(By.TAG_NAME, "title")]
    for r in after["runs"]:
        b = r["bytes_per_second"]["median"] / 1000
        assert any(f"read, {r['mode']}, " in d and f" {b:.{1 if b < 100 else 0}f} kB/s" in d for d in dots)
    numbers = page.execute_script("return [...document.querySelectorAll('#throughput figure table')].map(t => t.innerText || t.textContent)")
    assert "1214 kB/s" in numbers[1]   # 64 blocks with CBW and CSW in 27.0 frames: less than 1216
    commands = page.execute_script("return [...document.querySelectorAll('#latency rect title')].map(t => +t.textContent.match(/: (\\d+) command/)[1])")
    assert sum(commands) == 40


@pytest.mark.nosan
def test_a_choice_draws_anew(page):
    before = page.find_element(By.CSS_SELECTOR, "#latency figcaption").text
    page.find_element(By.CSS_SELECTOR, "#latency select").send_keys(Keys.ARROW_DOWN)
    assert page.find_element(By.CSS_SELECTOR, "#latency figcaption").text != before


# Names of spans over which the edge of another one runs.
COVERED = """
const box = (e) => e.getBoundingClientRect(), all = (what) => [...document.querySelectorAll("#scope svg.chart " + what)];
return all("text.in").filter((t) => all("rect:not(.lane)").some((r) => box(r).top < box(t).top && box(r).bottom > box(t).bottom &&
	["left", "right"].some((side) => box(r)[side] > box(t).left && box(r)[side] < box(t).right))).map((t) => t.textContent);
"""


def scope_range(page):
    scope = page.find_element(By.CSS_SELECTOR, "#scope svg.chart")
    return float(scope.get_attribute("data-from")), float(scope.get_attribute("data-to"))


@pytest.mark.nosan
def test_the_oscilloscope_by_keyboard(page, place):
    """That the first view is back is told by what is drawn: two screenshots of one drawing may differ in the smoothing of letters."""
    scope = page.find_element(By.CSS_SELECTOR, "#scope svg.chart")
    page.execute_script("document.querySelector('#scope button:last-of-type').focus()")
    page.switch_to.active_element.send_keys(Keys.TAB)
    assert page.switch_to.active_element == scope
    end = document(place, "pace")["timeline"]["end_ns"]
    naks = sum(s["kind"] == "nak" for s in document(place, "pace")["timeline"]["spans"])
    assert scope_range(page) == (0, end) and len(scope.find_elements(By.CSS_SELECTOR, "rect.nak")) == naks > 0
    before, drawn = picture(page, scope), scope.get_property("innerHTML")
    assert page.execute_script(COVERED) == []
    scope.send_keys("+")
    scope.send_keys("+")
    assert scope_range(page) == (end * 3 / 8, end * 5 / 8) and picture(page, scope) != before
    scope.send_keys(Keys.ARROW_LEFT)
    assert scope_range(page) == (end * 5 / 16, end * 9 / 16)
    scope.send_keys("-")
    assert scope_range(page) == (end * 3 / 16, end * 11 / 16)
    scope.send_keys(Keys.HOME)
    assert scope_range(page) == (0, end) and scope.get_property("innerHTML") == drawn
    for _ in range(1 + len(document(place, "pace")["timelines"])):
        scope.send_keys(Keys.PAGE_DOWN)
    chosen = page.find_element(By.CSS_SELECTOR, "#scope select")
    first = next(x for x in document(place, "decode")["exchanges"] if x["kind"] == "exchange")
    assert chosen.get_property("selectedOptions")[0].text.endswith(first["command"]) and scope_range(page)[1] >= first["took_ns"]
    steps = [s for s in first["steps"] if s["outcome"] == "done"]
    assert len(scope.find_elements(By.CSS_SELECTOR, "rect.transfers")) == len(steps)
    assert len(scope.find_elements(By.CSS_SELECTOR, "rect.nak")) == sum(bool(s["naks"]) for s in first["steps"])


@pytest.mark.nosan
def test_light_dark_and_paper(page):
    seen = {}
    for name, media, scheme in (("light", "", "light"), ("dark", "", "dark"), ("paper", "print", "dark")):
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": [{"name": "prefers-color-scheme", "value": scheme}]})
        seen[name] = page.execute_script("const s = getComputedStyle(document.body); return [s.backgroundColor, s.color]")
        count = picture(page, page.find_element(By.CSS_SELECTOR, "#throughput svg.chart"))
        assert max(count, key=count.get) == bytes(int(n) for n in re.findall(r"\d+", seen[name][0]))
    buttons = [b.is_displayed() for b in page.find_elements(By.CSS_SELECTOR, "#scope button")]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    assert seen["paper"] == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"] and buttons and not any(buttons)
    assert seen["light"][0] == "rgb(255, 255, 255)" and sum(map(int, re.findall(r"\d+", seen["dark"][0]))) < 100
    assert base64.b64decode(page.execute_cdp_cmd("Page.printToPDF", {})["data"]).startswith(b"%PDF")


# What ends beyond the right edge of the page and is in no box that scrolls.
BEYOND = """
const wide = document.documentElement.clientWidth, boxed = (e) => e && (getComputedStyle(e).overflowX !== "visible" || boxed(e.parentElement));
document.querySelectorAll("details").forEach((d) => { d.open = true; });
return {wide, scroll: document.documentElement.scrollWidth, beyond: [...document.querySelectorAll("body *")]
	.filter((e) => e.getBoundingClientRect().right > wide + .5 && !boxed(e.parentElement)).map((e) => e.tagName + ": " + e.textContent.slice(0, 40))};
"""


@pytest.mark.nosan
@pytest.mark.parametrize("names", [("old", "new", "before", "after", "pace", "decode"), ("all",), ("gone",), ("pace",), ("before", "after"), ("decode",),
                                   ("bad",)], ids="-".join)
@pytest.mark.parametrize("width", [360, 420, 1100])
def test_no_page_is_wider_than_the_window(chromium, place, names, width):
    """A telephone, held upright: tables and pictures scroll in boxes of their own, and text of a picture can be read."""
    if names == ("all",):
        place("check", "sim:reference,fault=csw-missing", "--json", "all.json", "-q", status=1)
    elif names == ("gone",):
        place("check", "usb:dead:beef", "--json", "gone.json", "-q", status=3)
    elif names == ("bad",):
        (place.cwd / "bad.json").write_text(json.dumps(spoil(document(place, "new"))))
    place("report", *(f"{n}.json" for n in names), "-o", "narrow.html")
    chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False})
    try:
        chromium.get(f"file://{place.cwd}/narrow.html")
        assert chromium.execute_script("return innerWidth") == width
        seen = chromium.execute_script(BEYOND)
        assert seen["beyond"] == [] and seen["scroll"] <= seen["wide"]
        scale = chromium.execute_script("return [...document.querySelectorAll('svg.chart')].map((s) => s.getScreenCTM().a)")
        assert all(s * 12 > 8 for s in scale)   # the text of a chart is 12 units high
    finally:
        chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.nosan
def test_markup_of_a_device_is_text(page):
    """It calls itself <script>, in its serial number and so in the target's name and the commands."""
    assert page.execute_script("return window.ran") is None
    assert MARKUP in page.find_element(By.ID, "files").text
    assert page.find_elements(By.TAG_NAME, "img") == [] and len(page.find_elements(By.TAG_NAME, "script")) == 2


def spoil(x):
    """Every string is markup, every number an object, every list a string."""
    if isinstance(x, dict):
        return {k: v if k == "format" else spoil(v) for k, v in x.items()}
    if isinstance(x, list):
        return [spoil(v) for v in x] + [None, 7, MARKUP]
    return MARKUP if isinstance(x, str) else {"a": MARKUP}


@pytest.mark.nosan
def test_a_document_that_is_spoilt_runs_nothing(chromium, place):
    names = ("old", "new", "before", "after", "pace", "decode")
    for name in names:
        (place.cwd / f"bad-{name}.json").write_text(json.dumps(spoil(document(place, name))))
    place("report", *(f"bad-{n}.json" for n in names), "-o", "bad.html")
    chromium.get(f"file://{place.cwd}/bad.html")
    assert chromium.execute_script("return window.ran") is None and chromium.find_elements(By.TAG_NAME, "img") == []
    assert chromium.find_elements(By.TAG_NAME, "section") and chromium.get_log("browser") == []


def test_many_runs_are_one_page(place):
    """Of older files only what the history shows is kept."""
    once = place("report", "new.json", "before.json", "-o", "-").out
    many = place("report", *["new.json"] * 20, *["before.json"] * 20, "-o", "-").out
    assert many.count('"exchanges":') == once.count('"exchanges":') and many.count('"samples_ns":') == 2 * once.count('"samples_ns":') > 0


@pytest.mark.parametrize("args, status, message", [
    ([], 2, "report takes files"),
    (["new.json"], 2, "report writes a file: give -o FILE.html"),
    (["missing.json", "-o", "x.html"], 4, "cannot read missing.json: No such file or directory"),
    (["page.html", "-o", "x.html"], 4, "page.html:1:1: not valid JSON"),
    (["list.json", "-o", "x.html"], 4, "list.json: expected an mscope.result/1"),
    (["short.json", "-o", "x.html"], 4, "short.json: cases: expected a list"),
    (["new.json", "-o", "/no/such/place"], 4, "cannot write /no/such/place"),
    (["new.json", "-o", "/dev/full"], 4, "No space left on device"),
    (["new.json", "gone.json", "-o", "whole.html"], 0, ""),
], ids=lambda x: " ".join(x) if isinstance(x, list) else None)
def test_exit_statuses(place, args, status, message):
    place("list", "rules", "--json", "list.json", "-q")
    place("check", "usb:dead:beef", "--json", "gone.json", "-q", status=3)
    (place.cwd / "short.json").write_text(json.dumps(document(place, "new") | {"cases": {}}))
    (place.cwd / "x.html").write_text("old")
    assert message in place("report", *args, status=status).err
    assert (place.cwd / "x.html").read_text() == "old"


def test_standard_input_and_output(place):
    with open(place.cwd / "new.json") as f:
        p = place("report", "-", "-o", "-", stdin=f)
    assert p.out.startswith("<!DOCTYPE html>") and p.out.endswith("</html>\n") and p.err == ""
    reader, writer = os.pipe()
    os.close(reader)
    process = place.popen("report", "new.json", "-o", "-", stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    process.communicate(timeout=60)
    assert process.returncode == 4
