"""report.html in a headless Chromium: what it shows, filters, opens, and for whom it is readable.

Screenshots and the printed page are kept below ``--basetemp``: look at them after a change of the page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from chromium import Tab
from helpers.analysis_tree import Tree, full_tree
from helpers.page_trees import EXPENSIVE, HOSTILE, NULL, hostile_tree, judged_tree, speed_up_tree

from probecost.analysis.report.write import write_reports

SCREENS: dict[str, dict[str, Any]] = {
    "desktop": {"width": 1280, "height": 900},
    "dark": {"width": 1280, "height": 900, "dark": True},
    "phone": {"width": 390, "height": 844, "phone": True},
    "print": {"width": 760, "height": 1075, "printed": True},
    "print-dark": {"width": 760, "height": 1075, "dark": True, "printed": True},
}
BODY_ROWS = "#verdict-table tbody tr"


def report(tree: Tree) -> Path:
    return write_reports(tree.root).parent / "report.html"


@pytest.fixture
def judged(tmp_path: Path) -> Path:
    return report(judged_tree(tmp_path))


def texts(tab: Tab, selector: str) -> list[str]:
    found: list[str] = tab.evaluate(f"[...document.querySelectorAll({selector!r})].map((each) => each.innerText)")
    return found


def names(tab: Tab) -> list[str]:
    return texts(tab, f"{BODY_ROWS} th a")


def choose(tab: Tab, field: str, value: str) -> None:
    tab.evaluate(
        f"(() => {{ const field = document.getElementById('filter-{field}'); field.value = {value!r};"
        "field.dispatchEvent(new Event(field.tagName === 'SELECT' ? 'change' : 'input')); })()"
    )


class TestAnswer:
    def test_it_says_which_tool_how_sure_and_where(self, tab: Tab, judged: Path) -> None:
        tab.open(judged)
        assert texts(tab, ".headline")[0].startswith("packet_print costs 3 % or more")
        aside = "\n".join(texts(tab, ".aside"))
        assert "8 pairs of visits" in aside
        assert "host-null only sleeps" in aside
        assert "Kernel 6.1.0-test" in aside
        bottom = tab.evaluate("document.querySelector('.answer').getBoundingClientRect().bottom")
        assert bottom < 900, "the answer is on the first screen"
        assert tab.errors == []

    def test_every_kind_of_picture_is_drawn(self, tab: Tab, tmp_path: Path) -> None:
        tab.open(report(full_tree(tmp_path)))
        tab.evaluate("location.hash = '#case-0'")
        tab.wait("document.querySelectorAll('#case-0 svg .trace').length >= 3")
        named = tab.evaluate("[...document.querySelectorAll('#case-0 svg[role=img]')].map((e) => e.ariaLabel)")
        for start in (
            "TCP RR latency over time",
            "TCP RR latency: percentiles",
            "CPU of the tool",
            "Resident",
            "Size of",
        ):
            assert any(name.startswith(start) for name in named), start
        assert tab.evaluate("document.querySelectorAll('#case-0 svg rect.window').length") >= 12
        assert tab.evaluate("document.querySelectorAll('#forest svg[role=img]').length") >= 1
        assert tab.errors == []

    def test_a_tree_with_nothing_says_why(self, tab: Tab, tmp_path: Path) -> None:
        tab.open(report(Tree(tmp_path)))
        assert texts(tab, ".headline") == ["No tool was measured."]
        assert "no results that could be read" in "".join(texts(tab, "#answer"))
        assert texts(tab, ".filters") == []
        assert tab.errors == []


class TestTable:
    def test_sorted_by_a_head(self, tab: Tab, judged: Path) -> None:
        tab.open(judged)
        assert names(tab) == [EXPENSIVE, "host-quiet", NULL]
        heads = "[...document.querySelectorAll('#verdict-table thead button')]"
        press_head = f"{heads}.find((each) => each.innerText.startsWith('Cost')).click()"
        tab.evaluate(press_head)
        assert names(tab)[-1] == EXPENSIVE
        tab.evaluate(press_head)
        assert names(tab)[0] == EXPENSIVE
        assert tab.evaluate("document.querySelectorAll('th[aria-sort=descending]').length") == 1

    @pytest.mark.parametrize(
        ("field", "value", "left"),
        [
            ("tool", "quiet", ["host-quiet"]),
            ("word", "OVERHEAD", [EXPENSIVE]),
            ("pair", "host", [EXPENSIVE, "host-quiet", NULL]),
            ("text", "NEGLIGIBLE quiet", ["host-quiet"]),
            ("text", "no such thing", []),
        ],
    )
    def test_filtered_with_all_that_follows(
        self, tab: Tab, judged: Path, field: str, value: str, left: list[str]
    ) -> None:
        tab.open(judged)
        choose(tab, field, value)
        assert names(tab) == left
        assert sorted(texts(tab, "#cases .case-name")) == sorted(left)
        assert len(texts(tab, "#forest figure")) == bool(left)
        tab.evaluate("[...document.querySelectorAll('.filters button')].at(-1).click()")
        assert len(names(tab)) == 3

    @pytest.mark.parametrize(
        ("fresh_us", "cost", "interval"), [(18.0, "-9.9 %", "[-10.5 %, -9.3 %]"), (None, "no number yet", "N/A")]
    )
    def test_a_speed_up_has_the_number_that_fresh_units_confirmed(
        self, tab: Tab, tmp_path: Path, fresh_us: float | None, cost: str, interval: str
    ) -> None:
        tab.open(report(speed_up_tree(tmp_path, 17.0, fresh_us)))
        cells = [text.replace("\xa0", " ").replace("\N{MINUS SIGN}", "-") for text in texts(tab, f"{BODY_ROWS} td")]
        assert cost in cells
        assert interval in cells
        marks = tab.evaluate("document.querySelectorAll('#forest svg .estimate').length")
        assert marks == (fresh_us is not None)


class TestCases:
    def test_a_link_opens_a_case_and_it_stays_in_view(self, tab: Tab, tmp_path: Path) -> None:
        file = report(judged_tree(tmp_path, {f"host-t{number}": float(number) for number in range(12)}, units=1))
        tab.open(file)
        tab.evaluate("document.documentElement.style.scrollBehavior = 'auto'; location.hash = '#case-11'")
        tab.wait("document.getElementById('case-11')?.open")
        tab.evaluate("new Promise((done) => setTimeout(done, 300))")  # what comes into view is drawn meanwhile
        top = tab.evaluate("document.querySelector('#case-11 summary').getBoundingClientRect().top")
        assert 0 <= top <= 120
        assert tab.evaluate("document.activeElement.parentElement.id") == "case-11"

    def test_a_case_that_the_filters_hide_is_opened_by_its_link(self, tab: Tab, judged: Path) -> None:
        tab.open(judged)
        choose(tab, "tool", "quiet")
        tab.evaluate("location.hash = '#case-0'")
        tab.wait("document.getElementById('case-0')?.open")
        assert len(names(tab)) == 3

    def test_the_table_of_a_picture_holds_the_same(self, tab: Tab, judged: Path) -> None:
        tab.open(judged)
        tab.evaluate("document.querySelector('#forest .data').open = true")
        tab.wait("document.querySelector('#forest .data table')")
        assert "OVERHEAD" in texts(tab, "#forest .data tbody tr")[0]


class TestHostileTexts:
    def test_they_are_shown_and_run_nothing(self, tab: Tab, tmp_path: Path) -> None:
        tab.open(report(hostile_tree(tmp_path)))
        tab.evaluate("location.hash = '#case-0'")
        tab.wait("document.getElementById('case-0')?.open")
        tab.evaluate("document.querySelectorAll('details').forEach((each) => (each.open = true))")
        tab.evaluate("new Promise((done) => setTimeout(done, 200))")
        assert tab.evaluate("document.images.length") == 0
        assert tab.evaluate("document.scripts.length") == 3
        assert tab.evaluate("document.title").startswith("Overhead report")
        message = tab.evaluate("document.querySelector('#case-0 .message').textContent")
        assert message == HOSTILE
        assert tab.errors == []


class TestReaders:
    @pytest.mark.parametrize("screen", SCREENS)
    def test_no_screen_scrolls_sideways_and_nothing_is_pale(self, tab: Tab, tmp_path: Path, screen: str) -> None:
        tree = full_tree(tmp_path)
        tab.screen(**SCREENS[screen])
        tab.open(report(tree))
        tab.evaluate("location.hash = '#case-0'")
        tab.wait("document.getElementById('case-0')?.open")
        tab.screenshot(tmp_path / f"{screen}.png", whole=True)
        assert tab.evaluate("document.documentElement.scrollWidth") <= SCREENS[screen]["width"]
        assert tab.evaluate(CONTRASTS) == []
        assert tab.errors == []

    def test_printed(self, tab: Tab, judged: Path, tmp_path: Path) -> None:
        tab.open(judged)
        tab.pdf(tmp_path / "page.pdf")
        assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
        assert tab.evaluate("document.querySelectorAll('#forest svg[role=img]').length") == 1
        tab.screen(**SCREENS["print"])
        assert tab.evaluate("getComputedStyle(document.querySelector('.filters')).display") == "none"

    def test_by_keyboard(self, tab: Tab, judged: Path) -> None:
        tab.open(judged)
        tab.press("Tab", 9)
        assert tab.evaluate("document.activeElement.className") == "skip"
        reached = []
        for _ in range(40):
            tab.press("Tab", 9)
            reached.append(tab.evaluate("document.activeElement.outerHTML.slice(0, 60)"))
        for part in ("filter-tool", "filter-text", 'href="#case-0"', "<summary>"):
            assert any(part in each for each in reached), part
        tab.evaluate("document.querySelector('#verdict-table thead button').focus()")
        tab.press("Enter", 13, "\r")
        assert tab.evaluate("document.querySelector('#verdict-table th').ariaSort") == "ascending"
        tab.evaluate("document.querySelector('#case-0 summary').focus()")
        tab.press("Enter", 13, "\r")
        tab.wait("document.querySelector('#case-0 .facts')")

    def test_by_screen_reader(self, tab: Tab, judged: Path) -> None:
        """What the browser's accessibility tree says: names for all that can be used, and the table as a table."""
        tab.open(judged)
        nodes = [node for node in tab.call("Accessibility.getFullAXTree")["nodes"] if not node.get("ignored")]
        found = [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes if "role" in node]
        for role in ("button", "link", "combobox", "searchbox", "checkbox", "image", "region", "table"):
            named = [name for kind, name in found if kind == role]
            assert named, role
            assert all(named), f"a {role} has no name"
        assert ("main", "") in found
        assert any(
            name.startswith("TCP RR latency: cost in percent, 3 cases. host-packet_print: OVERHEAD")
            for _, name in found
        )
        assert ("columnheader", "Verdict") in found


#: Texts that stand out too little from what is behind them: below 4.5 : 1 (WCAG 2.2, 1.4.3), with their colours.
CONTRASTS = """
(() => {
  const parts = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const over = (top, below) => { const a = top[3] ?? 1; return [0, 1, 2].map((i) => top[i] * a + below[i] * (1 - a)); };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => ((v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const colour = parts(getComputedStyle(at).backgroundColor);
      if ((colour[3] ?? 1) > 0) layers.push(colour);
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const pale = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest("script, svg")) continue;
    const ground = behind(element);
    const ink = over(parts(getComputedStyle(element).color), ground);
    const [a, b] = [light(ink), light(ground)].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) pale.add(`${element.tagName}.${element.className}: ${ink} on ${ground}`);
  }
  return [...pale];
})()
"""
