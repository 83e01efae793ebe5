"""The session for a class: its plan, its quiz, its assignment and its slides hold together."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from conftest import REPOSITORY, module_at
from matplotlib.text import Text
from test_prose import read, table

from replication.book.show import Figure

SLIDES = REPOSITORY / "book" / "course" / "slides"


def clock(minutes: int) -> str:
    return f"{minutes // 60}:{minutes % 60:02d}"


def slides() -> dict[str, str]:
    """The text of every slide, by its title and in order."""
    parts = re.split(r"^##? (.+)$", (SLIDES / "index.md").read_text("utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_plan_takes_ninety_minutes() -> None:
    now = 0
    for minutes, when, *_ in table("course/plan.md", "Minutes"):
        assert when == f"{clock(now)} to {clock(now + int(minutes))}"
        now += int(minutes)
    assert now == 90


def test_the_plan_names_the_lessons_that_come_with_the_book() -> None:
    (named,) = re.findall(r"with the seeds ([\d, and]+),", read("course/plan.md"))
    lessons = (REPOSITORY / "notebooks" / "course" / "lessons").iterdir()
    assert {f"SST-2-{seed}" for seed in re.findall(r"\d+", named)} == {
        path.stem for path in lessons
    }


def test_the_plan_shows_every_slide_once_and_in_order() -> None:
    shown: list[int] = []
    for *_, numbers in table("course/plan.md", "Minutes"):
        first, *last = map(int, re.findall(r"\d+", numbers))
        shown += range(first, (last or [first])[0] + 1)
    assert shown == list(range(1, len(slides()) + 1))


def test_the_quiz_has_ten_questions_with_one_answer_each() -> None:
    parts = re.split(r"^## (\d+)\. .+$", read("course/quiz.md"), flags=re.MULTILINE)
    assert parts[1::2] == [str(number) for number in range(1, 11)]
    right = []
    for question in parts[2::2]:
        asked, answer = re.fullmatch(
            r"(.*)```\{dropdown\} Answer\n(.*)```\n*", question, re.DOTALL
        ).groups()  # type: ignore[union-attr]
        assert re.findall(r"^- \*\*([A-D])\.\*\* ", asked, re.MULTILINE) == list("ABCD")
        right += re.findall(r"\*\*([A-D])\.\*\* ", answer)
        assert answer.startswith(f"**{right[-1]}.**")
        assert "{doc}`" in answer, "every answer is explained on a page"
    assert len(right) == 10
    assert set(right) == set("ABCD"), "no letter is a safe guess or a safe no"


def test_the_rubric_adds_up() -> None:
    rows = table("course/takehome.md", "Criterion")
    assert sum(int(points) for _, points, *_ in rows) == 20
    assert all(len(row) == 5 and all(row) for row in rows), "full, half and none for each"


@pytest.fixture(scope="module")
def figures() -> dict[str, Callable[[], Any]]:
    return dict(module_at(SLIDES / "figures.py").FIGURES)


def test_slides_show_the_figures_that_are_drawn(figures: dict[str, Any]) -> None:
    text = (SLIDES / "index.md").read_text("utf-8")
    assert re.findall(r"^:file: .*/(\w+)\.html$", text, re.MULTILINE) == list(figures)
    for name, draw in figures.items():
        shown = draw()
        if not isinstance(shown, Figure):
            assert re.search(r"<(?:li|td|p)>", shown.text), name
            continue
        assert shown.png and shown.caption in html.unescape(shown._repr_html_()), name
        assert len(shown.alt.split()) >= 8, f"{name}: {shown.alt}"
        sizes = [text.get_fontsize() for text in shown.drawing.findobj(Text) if text.get_text()]
        width, _ = shown.drawing.get_size_inches()
        assert min(sizes) * 100 / 72 >= 20 and width <= 11.5, f"{name} is hard to read"


@pytest.fixture(scope="module")
def show(site: Path, browser: Any) -> SimpleNamespace:
    """What a browser saw of the slides, on a screen of their own size."""
    seen = SimpleNamespace(wrong=[], slides=[])
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.on("console", lambda m: seen.wrong.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: seen.wrong.append(str(error)))
    page.on("requestfailed", lambda request: seen.wrong.append(request.url[:200]))
    page.on("request", lambda r: r.url.startswith(("file:", "data:")) or seen.wrong.append(r.url))
    page.goto((site / "slides" / "index.html").as_uri(), wait_until="load")
    page.wait_for_function("window.Reveal && Reveal.isReady()")
    for number in range(page.evaluate("Reveal.getTotalSlides()")):
        page.evaluate("number => Reveal.slide(number)", number)
        seen.slides.append(page.evaluate(LOOK))
    seen.links = page.evaluate("[...document.querySelectorAll('.slides a')].map(a => a.href)")
    page.close()
    return seen


LOOK = """
async () => {
    const slide = Reveal.getCurrentSlide(), config = Reveal.getConfig();
    const images = [...slide.querySelectorAll("img")];
    await Promise.all(images.map((image) => image.decode().catch(() => null)));
    const box = slide.getBoundingClientRect();
    const shown = [...slide.querySelectorAll("*:not(aside, aside *)")].filter(
        (element) => element.getClientRects().length,
    );
    const outside = shown.filter((element) => {
        const own = element.getBoundingClientRect();
        return own.right > box.right + 1 || own.left < box.left - 1 || own.bottom > box.bottom + 1;
    });
    return {
        title: slide.querySelector("h1, h2")?.innerText,
        notes: slide.querySelector("aside.notes")?.innerText.trim() ?? "",
        tooHigh: slide.scrollHeight > config.height,
        outside: outside.map((element) => element.outerHTML.slice(0, 80)),
        images: images.map((image) => [image.naturalWidth, image.alt]),
    };
}
"""


def test_slides_open_from_disk_fit_and_are_described(
    show: SimpleNamespace, site: Path, figures: dict[str, Any]
) -> None:
    assert show.wrong == [], "no error, and nothing from elsewhere"
    assert [slide["title"] for slide in show.slides] == list(slides())
    for slide in show.slides:
        assert not slide["tooHigh"] and not slide["outside"] and slide["notes"], slide
    images = [image for slide in show.slides for image in slide["images"]]
    assert len(images) == sum(isinstance(draw(), Figure) for draw in figures.values())
    assert all(width > 0 and alt for width, alt in images)
    targets = [Path(link.removeprefix("file://")) for link in show.links]
    assert len(targets) >= 5
    assert all(target.is_file() and target.is_relative_to(site) for target in targets)
