"""The ticket explorer: what it is given, and what it does in a browser."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browsing import DESK, PHONE, WIDE, address, eventually

from lottery_utils.errors import UserError
from replication.pages import explorer
from replication.pages.explorer import Explorer
from replication.runs import records
from replication.store import Store, checksum
from replication.study import Study

PAGE = "book/report/explorer.html"


@pytest.fixture
def gathered(tiny_run: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(tiny_run)
    return explorer.gather(["tiny"], Store()).studies["tiny"]["tasks"]  # type: ignore[no-any-return]


def test_one_study_may_be_asked_for_and_one_called_2024(tiny_run: Path, tmp_path: Path) -> None:
    """As papermill gives them: not in a list, and a number for a name that looks like one."""
    store = Store(tmp_path)
    replace(Study.load(tiny_run / "studies/tiny.yaml"), name="2024").keep(store.root)
    for path in (tiny_run / "results/tiny/CoLA").rglob("*.json"):
        made = json.loads(path.read_text("utf-8")) | {"study": "2024"}
        made["checksum"] = checksum(made)
        copy = store.root / "2024" / path.relative_to(tiny_run / "results/tiny")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(json.dumps(made), "utf-8")
    for asked in (2024, [2024], "2024", "[2024]"):
        assert explorer.gather(asked, store).studies.keys() == {"2024"}
    with pytest.raises(UserError, match="Unknown study 'True'"):
        explorer.gather(True, store)


def test_every_entry_is_there(gathered: dict[str, Any]) -> None:
    every = records.load("tiny")
    assert {task: [*seeds] for task, seeds in gathered.items()} == {
        task: [str(seed) for seed in seeds] for task, seeds in every.items()
    }
    stages = every["CoLA"][1337]
    shown, search = gathered["CoLA"]["1337"], stages["search"]["results"]
    assert shown["full"] == search["full_score"]
    for step, drawn in zip(search["steps"], shown["structured"]["steps"], strict=True):
        assert (drawn["score"], drawn["passed"]) == (step["score"], step["passed"])
        for row, heads, mlp in zip(
            drawn["importance"], step["head_scores"], step["mlp_scores"], strict=True
        ):
            assert row == pytest.approx([*heads, mlp], abs=5e-4)
    for method, stage in (("structured", "tickets"), ("magnitude", "magnitude")):
        tickets = stages[stage]["results"]["tickets"]
        assert [*shown[method]["tickets"]] == [*tickets]
        for kind, ticket in tickets.items():
            drawn = shown[method]["tickets"][kind]
            assert (drawn["pruned"], drawn["retrained"]) == (ticket["pruned"], ticket["retrained"])
            if method == "magnitude":
                of_heads = np.array(drawn["density"])[:, :-1]
                np.testing.assert_allclose(of_heads, ticket["head_densities"], atol=5e-4)


def test_the_steps_that_passed_lead_to_the_good_ticket(gathered: dict[str, Any]) -> None:
    """The page finds masks by following the steps, and has nothing else to go by."""
    for seeds in gathered.values():
        for found in seeds.values():
            steps, good = found["structured"]["steps"], found["structured"]["tickets"]["good"]
            kept = [["1"] * len(row) for row in steps[0]["importance"]]
            for step in steps:
                if step["passed"]:
                    for layer, head in step["heads"]:
                        kept[layer][head] = "0"
                    for layer in step["mlps"]:
                        kept[layer][-1] = "0"
            assert ["".join(row) for row in kept] == good["kept"]


def test_data_cannot_end_their_own_element() -> None:
    shown = Explorer({"</script><b>": {"tasks": {}}})._repr_html_()
    assert shown.count("</script>") == 1 and "<b>" not in shown
    found = re.search(r'id="ticket_explorer-data">(.*)</script>', shown)
    assert found and json.loads(found[1]) == {"</script><b>": {"tasks": {}}}


def test_nothing_to_show_is_one_sentence(workplace: Path) -> None:
    with pytest.raises(UserError, match="None of the studies tiny has a complete entry in results"):
        explorer.gather(["tiny"], Store())


def said(page: Any) -> str:
    return str(page.locator(".explorer-said").inner_text())


def drawn(page: Any, chart: str = "grid") -> Any:
    """The numbers that Plotly draws."""
    return page.evaluate(
        f"[...document.querySelector('.explorer-{chart}').data].map((trace) => trace.z ?? trace.y)"
    )


def choose(page: Any, name: str, value: str) -> None:
    page.locator(f"#ticket_explorer [name={name}]").select_option(value)


def test_every_control_changes_what_is_drawn(page: Any) -> None:
    seen = [(said(page), drawn(page))]
    for name, value in (
        ("view", "bad"),
        ("view", "search"),
        ("task", "CoLA"),
        ("seed", "42"),
        ("other", "SST-2/42"),
        ("other", ""),
        ("method", "magnitude"),
        ("view", "random"),
        ("study", "glue-small"),
    ):
        choose(page, name, value)
        seen.append((said(page), drawn(page)))
        assert seen[-1] != seen[-2], f"{name} = {value} changes nothing"
        assert f"{name}={value.replace('/', '%2F')}" in address(page) or not value


def test_the_search_by_keyboard(page: Any) -> None:
    slider = page.locator("#ticket_explorer [name=step]")
    slider.focus()
    page.keyboard.press("Home")
    assert said(page).startswith("The full model: ")
    assert "✕" not in page.locator(".explorer-grid").inner_text()
    for number in (1, 2, 3):
        page.keyboard.press("ArrowRight")
        assert said(page).startswith(f"Step {number}, heads and MLPs: ")
        assert slider.get_attribute("aria-valuetext").startswith(f"step {number}, ")
    assert page.locator(".explorer-grid").inner_text().count("✕") > 1
    page.keyboard.press("End")
    assert "failed" in said(page), "the last trial of a search is one that failed"
    page.locator("#ticket_explorer [name=view]").focus()
    page.keyboard.press("ArrowDown")
    eventually(page.locator("tr[aria-current]")).to_contain_text(re.compile("^the good ticket"))


def test_a_view_can_be_linked(page: Any, browser: Any) -> None:
    choose(page, "task", "CoLA")
    choose(page, "view", "good")
    choose(page, "other", "CoLA/86")
    again = browser.new_page()
    again.goto(address(page), wait_until="load")
    assert (said(again), drawn(again)) == (said(page), drawn(page))
    assert "B: the good ticket of CoLA, seed 86, keeps" in said(again)
    # An address of what does not exist shows what does.
    again.goto(f"{address(page).split('#')[0]}#study=none&step=many&view=bad")
    eventually(again.locator("tr[aria-current]")).to_contain_text(re.compile("^the bad ticket"))
    again.close()


def test_the_pages_own_links_lead_to_views(page: Any) -> None:
    links = page.locator("article a[href^='#study']")
    assert links.count() > 3
    for link in links.all():
        link.click()
        asked = dict(part.split("=") for part in link.get_attribute("href")[1:].split("&"))
        # The page hears of its new address only after the click has returned.
        for name, value in asked.items():
            eventually(page.locator(f"[name={name}]")).to_have_value(value.replace("%2F", "/"))


def test_what_is_said_is_on_record(page: Any, site: Path) -> None:
    place = site.parents[1] / "results/minilm-glue/CoLA/seed-42"
    search = json.loads((place / "search.json").read_text("utf-8"))["results"]
    for name, value in (("study", "minilm-glue"), ("task", "CoLA"), ("seed", "42")):
        choose(page, name, value)
    scores = [search["full_score"], *(step["score"] for step in search["steps"])]
    assert drawn(page, "curve")[0] == scores
    good = [step for step in search["steps"] if step["passed"]][-1]
    assert f"keeps {good['n_heads']} heads" in said(page)
    found = json.loads((place / "tickets.json").read_text("utf-8"))["results"]["tickets"]["good"]
    for state in ("pruned", "retrained"):
        assert f"{found[state]:.3f} {state}" in said(page)
    heads, mlps = drawn(page)
    mask, importance = search["mask"], search["steps"][0]["head_scores"]
    for layer, kept in enumerate(mask["heads"]):
        shown = [value is not None for value in heads[layer]]
        assert shown == [bit == "1" for bit in kept]
        assert (mlps[layer][0] is not None) == (mask["mlps"][layer] == "1")
        for head in range(len(kept)):
            assert not shown[head] or heads[layer][head] == pytest.approx(
                importance[layer][head], abs=5e-4
            )
    page.locator("summary", has_text="The grid as a table").click()
    rows = page.locator("#ticket_explorer details tr")  # made a moment after the click
    eventually(rows).to_have_count(1 + len(search["mask"]["heads"]))
    eventually(rows.nth(1)).to_contain_text("importance")


def test_it_opens_on_the_good_ticket(page: Any) -> None:
    assert page.locator("[name=view]").input_value() == "good"
    choose(page, "view", "search")
    assert "passed" in said(page), "the last step that did, not the one after it"


def test_a_button_copies_the_link(page: Any) -> None:
    button = page.get_by_role("button", name="Copy the link to this view")
    choose(page, "view", "bad")
    page.evaluate("document.addEventListener('copy', (e) => { window.kept = e.target.value })")
    button.click()
    eventually(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("window.kept") == address(page)


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_a_comparison_shows_the_scores_of_both(page: Any, site: Path, size: Any) -> None:
    page.set_viewport_size(size)
    for name, value in (
        ("study", "minilm-glue"),
        ("task", "CoLA"),
        ("seed", "42"),
        ("view", "bad"),
    ):
        choose(page, name, value)
    choose(page, "other", "SST-2/86")
    rows = page.locator(".explorer-scroll table").first.locator("tbody tr")
    eventually(rows).to_have_count(2)
    for row, entry in zip(rows.all(), ("CoLA/seed-42", "SST-2/seed-86"), strict=True):
        place = site.parents[1] / "results/minilm-glue" / entry / "tickets.json"
        bad = json.loads(place.read_text("utf-8"))["results"]["tickets"]["bad"]
        for state in ("pruned", "retrained"):
            cell = row.get_by_text(f"{bad[state]:.3f}", exact=True).first
            assert cell.is_visible()
            box = cell.bounding_box()
            assert box["x"] + box["width"] <= size["width"]


def test_it_follows_the_dark_mode(page: Any) -> None:
    colour = "document.querySelector('.explorer-grid').layout.font.color"
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    page.wait_for_timeout(300)
    light = page.evaluate(colour)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_timeout(300)
    assert page.evaluate(colour) != light


CUT = """
() => {
    const pen = document.createElement("canvas").getContext("2d");
    return [...document.querySelectorAll("#ticket_explorer select")].flatMap((menu) => {
        pen.font = getComputedStyle(menu).font;
        const room = menu.clientWidth - 24; // less its padding and its arrow
        return [...menu.options].map((option) => option.text)
            .filter((text) => pen.measureText(text).width > room);
    });
}
"""


@pytest.mark.parametrize("size", [WIDE, DESK, PHONE], ids=lambda size: str(size["width"]))
def test_no_name_in_a_menu_is_cut(site: Path, browser: Any, size: dict[str, int]) -> None:
    tab = browser.new_page(viewport=size)
    for method in ("structured", "magnitude"):
        tab.goto(f"{(site / PAGE).as_uri()}#method={method}")
        tab.wait_for_selector("#ticket_explorer select")
        assert tab.evaluate(CUT) == []
    tab.close()
