"""Tab Predict and tab Limits in a browser, with the keyboard alone, on a desktop and on a phone."""

import re

import pytest
from playwright.sync_api import Locator, Page, TimeoutError, expect

from app.quiz.questions import QUESTIONS
from tests.browser.keyboard import check_accessible, check_width, focus_by_tab
from tests.browser.watched import DESKTOP, PHONE, Watched

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PATIENCE = 60_000


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_all_questions_by_keyboard(browser, app, viewport):
    watched = Watched(browser, app.url + "#tab=predict", viewport, reduced_motion="reduce")
    page, quiz = watched.page, watched.page.locator("#quiz")
    expect(quiz.locator(".choices input").first).to_be_attached(timeout=PATIENCE)
    focus_by_tab(page, "#quiz .choices input")
    said = {}
    for number, question in enumerate(QUESTIONS):
        expect(quiz.locator(".question h3")).to_have_text(question.title)
        expect(quiz.locator(".count")).to_have_text(f"Question {number + 1} of {len(QUESTIONS)}")
        expect(quiz.locator(".choices input").first).to_be_attached(timeout=PATIENCE)
        focus_by_tab(page, "#quiz .choices input")
        assert quiz.locator(".answer").is_hidden() and quiz.locator(".right").count() == 0
        page.keyboard.press("ArrowDown" if number % 2 else "Space")
        said[question.title] = quiz.locator(".choices label:has(input:checked) b").inner_text()
        focus_by_tab(page, "#quiz .reveal")
        page.keyboard.press("Enter")
        expect(quiz.locator(".answer")).to_be_visible(timeout=PATIENCE)
        expect(quiz.locator(".answer")).to_be_focused()  # what has come is read next
        expect(quiz.locator(".verdict b")).to_have_text(re.compile("^It is: .+\\.$"))
        expect(quiz.locator(".right")).to_have_count(1)
        assert quiz.locator(".choices input:enabled").count() == 0
        check_width(page, question.id)
        if number in (0, 4):
            check_accessible(page, "#quiz")
        focus_by_tab(page, "#quiz .next")
        page.keyboard.press("Enter")
    expect(quiz.locator(".sum h3")).to_have_text(re.compile(r"^\d of the 8 predictions that you revealed hold"))
    rows = quiz.locator("tbody tr")
    agreed = int(re.findall(r"\d", quiz.locator(".sum h3").inner_text())[0])
    cells = [row.locator("th, td").all_inner_texts() for row in rows.all()]
    assert {row[0]: row[1] for row in cells} == said
    assert agreed == sum(row[1] == row[2].removesuffix(" ✓") for row in cells)
    check_width(page, "the sum")
    assert watched.quiet(), watched.errors
    page.context.close()


def test_nothing_is_revealed_before_a_choice_and_another_face_begins_again(browser, app):
    watched = Watched(browser, app.url + "#tab=predict&question=dark", DESKTOP, reduced_motion="reduce")
    page, quiz = watched.page, watched.page.locator("#quiz")
    expect(quiz.locator(".question h3")).to_have_text("Dark photo, dark face?", timeout=PATIENCE)
    expect(quiz.locator(".choices input")).to_have_count(5, timeout=PATIENCE)
    quiz.locator(".reveal").press("Enter")
    expect(quiz.locator(".said")).to_contain_text("Choose first")
    assert quiz.locator(".answer").is_hidden()
    quiz.get_by_label("I don't know").check(force=True)
    quiz.locator(".reveal").press("Enter")
    expect(quiz.locator(".verdict")).to_contain_text("It is:", timeout=PATIENCE)
    assert "You said" not in quiz.locator(".verdict").inner_text()
    page.get_by_role("tab", name="Reconstruct").click()
    page.locator("#photo .examples button").nth(4).click()
    page.get_by_role("tab", name="Predict").click()
    expect(quiz.locator(".who span")).not_to_have_text("On this face: Example 1", timeout=PATIENCE)
    expect(quiz.locator(".question h3")).to_have_text(QUESTIONS[0].title)
    expect(quiz.locator(".said")).to_have_text("Another face: the questions begin again.")
    assert watched.quiet(), watched.errors
    page.context.close()


def press_unless_read(page: Page, button: Locator) -> None:
    """Presses a button of the failures, which all go at the moment in which the last person was read."""
    try:
        button.press("Enter", timeout=3000)
    except TimeoutError:
        expect(page.locator("#failures-said")).to_contain_text("was read")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_limits_are_reached_from_the_foot_and_can_be_stopped(browser, app, viewport):
    watched = Watched(browser, app.url, viewport, reduced_motion="reduce")
    page = watched.page
    page.locator("#to-limits a").press("Enter")
    stop = page.locator("#failures-stop")
    expect(page.locator("#map-limits img")).to_have_count(4, timeout=PATIENCE)
    expect(page.locator("#failures-said")).to_contain_text(re.compile("Reading people: |was read"), timeout=PATIENCE)
    expect(page.locator("#failures .group")).to_have_count(12, timeout=PATIENCE)
    for action, words in (
        (stop, "Stopped after|was read"),
        (page.locator("#failures-on"), "Reading people: |was read"),
    ):
        press_unless_read(page, action)
        expect(page.locator("#failures-said")).to_contain_text(re.compile(words), timeout=PATIENCE)
    press_unless_read(page, stop)  # all 400 take long on a small machine; test_limits.py reads them with a small model
    expect(page.locator("#measured .card").first).to_contain_text("Face Research Lab London Set")
    expect(page.locator("#misuses .card")).to_have_count(4)
    assert page.url.endswith("tab=limits")
    check_width(page, "limits")
    for scope in ("#failures", "#measured", "#map-limits", "#misuses"):
        check_accessible(page, scope)
    assert watched.quiet(), watched.errors
    page.context.close()
