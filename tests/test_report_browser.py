"""The report in a real browser: nothing fetched, nothing of a stranger's run, every chart drawn, on any screen and on paper."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ipclass
from hostile import EVIL, hostile_table

webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed: pip install selenium")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no headless Chromium here: apt-get install chromium chromium-driver"
)

PHONE, DESK = (390, 844), (1280, 900)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, tiny_model: str) -> Path:
    """A report on a hostile table, as the command writes it."""
    folder = tmp_path_factory.mktemp("browser")
    table, tagged, page = hostile_table(folder), folder / "tagged.csv", folder / "report.html"
    assert ipclass("classify", table, "-o", tagged, "-m", tiny_model, "-q").code == 0
    made = ipclass("report", tagged, "-o", page, "-m", tiny_model, "--method", "cc", "--draws", "50", "-q")
    assert made.code == 0, made.err
    return page


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(executable_path=str(DRIVER)))
    driver.set_page_load_timeout(60)
    driver.set_script_timeout(60)
    yield driver
    driver.quit()


class Shown:
    """The report as a browser shows it on one screen."""

    def __init__(self, driver: Any, page: Path, size: tuple[int, int], scheme: str = "light") -> None:
        self.driver = driver
        driver.get("about:blank")
        for log in ("browser", "performance"):
            driver.get_log(log)  # what came before is not ours
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.media("", scheme)
        driver.get(page.as_uri())
        drawn = "return document.querySelectorAll('.chart').length === document.querySelectorAll('.chart .live svg').length"
        for _ in range(600):
            if self(drawn):
                break
            driver.execute_async_script("setTimeout(arguments[0], 50)")

    def __call__(self, script: str) -> Any:
        return self.driver.execute_script(script)

    def media(self, kind: str, scheme: str = "light") -> None:
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": kind, "features": features})

    def colour(self, selector: str, part: str) -> list[int]:
        found = self(f"return getComputedStyle(document.querySelector({selector!r}))[{part!r}]")
        return [int(float(number)) for number in found[found.index("(") + 1 : -1].split(",")[:3]]


@pytest.fixture(scope="module", params=[(PHONE, "light"), (PHONE, "dark"), (DESK, "light"), (DESK, "dark")], ids=str)
def shown(request: pytest.FixtureRequest, browser: Any, report: Path) -> Shown:
    return Shown(browser, report, *request.param)


def test_every_chart_is_drawn_and_no_error_is_said(shown: Shown) -> None:
    said = [entry["message"] for entry in shown.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
    assert not said
    charts = shown("return [...document.querySelectorAll('.chart')].map(c => [c.id, c.classList.contains('drawn')])")
    assert len(charts) > 3
    assert all(drawn for _, drawn in charts)
    marks = shown("return [...document.querySelectorAll('.chart .live svg')].map(s => s.querySelectorAll('path').length)")
    assert len(marks) == len(charts)
    assert min(marks) > 2
    sizes = shown("return [...document.querySelectorAll('.live svg')].map(s => [s.clientWidth, s.clientHeight])")
    assert all(width > 150 and height > 50 for width, height in sizes)


def test_nothing_is_asked_of_any_server(shown: Shown) -> None:
    events = [json.loads(entry["message"])["message"] for entry in shown.driver.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert [url for url in asked if not url.startswith(("file:///", "about:", "data:"))] == []
    assert [url for url in asked if url.startswith("file:")] == [shown.driver.current_url]
    assert shown("return performance.getEntriesByType('resource').length") == 0


def test_strangers_texts_are_shown_and_not_run(shown: Shown) -> None:
    with pytest.raises(Exception, match="no such alert"):
        _ = shown.driver.switch_to.alert.text
    assert shown("return document.querySelectorAll('img, iframe, object, embed, form:not(.vega-bindings)').length") == 0
    assert shown("return document.querySelectorAll('script').length") == 2
    assert EVIL in shown("return document.querySelector('article h4').textContent + document.body.textContent")


def test_no_page_is_wider_than_its_screen(shown: Shown) -> None:
    wide = shown("return [document.documentElement.scrollWidth, window.innerWidth]")
    assert wide[0] <= wide[1]
    out = shown(
        "return [...document.querySelectorAll('h1, h2, p, figure, .scroll, article')]"
        ".filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + e.textContent.slice(0, 40))"
    )
    assert out == []


def test_the_page_is_light_or_dark_as_the_reader_has_it(browser: Any, report: Path) -> None:
    light, dark = (
        (shown.colour("body", "backgroundColor"), shown.colour("body", "color"), shown.colour(".live svg text", "fill"))
        for shown in (Shown(browser, report, DESK, scheme) for scheme in ("light", "dark"))
    )
    assert min(light[0]) > 200 > 100 > max(light[1])
    assert max(dark[0]) < 60 < 150 < min(dark[1])
    assert light[2] == light[1], "ink of charts is that of the page"
    assert dark[2] == dark[1]


def test_a_chart_tells_its_figures_under_the_pointer(browser: Any, report: Path) -> None:
    shown = Shown(browser, report, DESK)
    assert shown("return document.getElementById('tip').hidden")
    point = shown("return document.querySelector('#chart-all .live .mark-symbol path')")
    webdriver.ActionChains(browser).scroll_to_element(point).move_to_element(point).perform()
    browser.execute_async_script("setTimeout(arguments[0], 300)")
    assert not shown("return document.getElementById('tip').hidden")
    assert "interval: " in shown("return document.getElementById('tip').textContent")


def test_paper_gets_still_charts_black_on_white_and_all_that_was_folded(browser: Any, report: Path) -> None:
    shown = Shown(browser, report, DESK, "dark")
    shown.media("print", "dark")
    assert min(shown.colour("body", "backgroundColor")) == 255
    assert max(shown.colour("body", "color")) == 0
    seen = "return [...document.querySelectorAll('{}')].map(e => getComputedStyle(e).display)"
    assert set(shown(seen.format(".chart .live"))) == set(shown(seen.format("nav"))) == {"none"}
    assert set(shown(seen.format(".chart .static"))) == {"block"}
    shown("for (const each of document.querySelectorAll('details')) each.open = false; dispatchEvent(new Event('beforeprint'))")
    assert shown("return document.querySelectorAll('details:not([open])').length") == 0
    shown("dispatchEvent(new Event('afterprint'))")
    assert shown("return document.querySelectorAll('details[open]').length") == 0
    paper = browser.execute_cdp_cmd("Page.printToPDF", {"printBackground": True})
    content = base64.b64decode(paper["data"])
    assert content.startswith(b"%PDF")
    assert content.count(b"/Type /Page\n") + content.count(b"/Type /Page ") + content.count(b"/Type/Page") >= 2


def test_without_scripts_the_stills_are_there(browser: Any, report: Path) -> None:
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(report.as_uri())
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    stills = browser.execute_script(
        "return [...document.querySelectorAll('.static svg')].map(s => [s.clientWidth, s.querySelectorAll('path').length])"
    )
    assert len(stills) > 3
    assert all(width > 150 and paths > 2 for width, paths in stills)
    assert browser.execute_script("return document.querySelectorAll('.live svg').length") == 0
