"""All questions of tab Predict in order, and one of them, asked or answered, as the page takes it."""

from __future__ import annotations

from typing import Any

from app.quiz import noise, parts, people, swaps
from app.quiz.question import Question
from app.quiz.sheet import sheet_of
from app.session import Model, Shown

QUESTIONS: tuple[Question, ...] = (*swaps.QUESTIONS, *parts.QUESTIONS, *people.QUESTIONS, *noise.QUESTIONS)


def listed() -> list[dict[str, str]]:
    """List the questions for the page."""
    return [{"id": question.id, "title": question.title} for question in QUESTIONS]


def question_content(model: Model, shown: Shown, index: object, reveal: object) -> dict[str, Any]:
    """Write one question, or its answer.

    Args:
        model: The model.
        shown: The face that it is about.
        index: Which question, counted from 0, as it came with a request: anything a stranger may write.
        reveal: Whether the answer is asked for, likewise.

    Returns:
        Empty where there is no such question.
    """
    if type(index) is not int or not 0 <= index < len(QUESTIONS):
        return {}
    question, sheet, answers = QUESTIONS[index], sheet_of(model, shown), reveal is True
    key = f"{question.id}{answers}"
    if key not in sheet.pages:
        sheet.pages[key] = (question.answer(sheet) if answers else question.ask(sheet)).page()
    return {"question": index, "answer" if answers else "asked": sheet.pages[key]}
