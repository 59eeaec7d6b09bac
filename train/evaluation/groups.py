"""Figures of photos by group of people: ethnicity, gender and age, as a set's table names them."""

from collections.abc import Callable

import numpy as np

AGES = (("under 25", 0), ("25 to 34", 25), ("35 and over", 35))
"""Names of age groups and the years at which they begin."""


def age_group(years: str) -> str | None:
    """Name the group of an age as a table writes it; None where there is none ("NA", "")."""
    try:
        age = float(years)
    except ValueError:
        return None
    return next((name for name, from_ in reversed(AGES) if age >= from_), None)


KINDS: dict[str, Callable[[dict[str, str]], str | None]] = {
    "ethnicity": lambda row: row.get("ethnicity", "").replace("_", " ") or None,
    "gender": lambda row: row.get("gender") or None,
    "age": lambda row: age_group(row.get("age", "")),
}
"""Kind of group -> the group of a photo's row, None where its table doesn't say."""


def standard_error(values: dict[int, float], rows: list[dict[str, str]]) -> float | None:
    """Estimate how far a mean over photos would vary with other people; None for fewer than three people.

    Photos of one person are no independent trials: it is the standard error of the mean over people.

    Args:
        values: index of the photo -> figure.
        rows: of the set's table, one a photo.
    """
    people: dict[str, list[float]] = {}
    for index, value in values.items():
        people.setdefault(rows[index]["person"], []).append(value)
    means = [float(np.mean(own)) for own in people.values()]
    return float(np.std(means, ddof=1) / np.sqrt(len(means))) if len(means) > 2 else None


def by_group(
    rows: list[dict[str, str]], figures: dict[str, dict[int, float]], errors: tuple[str, ...] = ()
) -> dict[str, dict[str, dict]]:
    """Average figures over the photos of every group.

    Args:
        rows: of the set's table, one a photo; each with "person".
        figures: name -> {index of the photo: its figure}; not every photo need have one.
        errors: names of figures whose `standard_error` is added as "NAME_error".

    Returns:
        Kind -> group, by falling number of photos -> "photos", "people", and the mean of every figure that one of its
        photos has. Kinds that the table doesn't have are missing.
    """
    results: dict[str, dict[str, dict]] = {}
    for kind, group_of in KINDS.items():
        members: dict[str, list[int]] = {}
        for index, row in enumerate(rows):
            group = group_of(row)
            if group is not None:
                members.setdefault(group, []).append(index)
        for group, indices in sorted(members.items(), key=lambda item: -len(item[1])):
            found = {name: {i: known[i] for i in indices if i in known} for name, known in figures.items()}
            spread = {f"{name}_error": standard_error(found[name], rows) for name in errors}
            results.setdefault(kind, {})[group] = {
                "photos": len(indices),
                "people": len({rows[i]["person"] for i in indices}),
                **{name: float(np.mean(list(values.values()))) for name, values in found.items() if values},
                **{name: error for name, error in spread.items() if error is not None},
            }
    return results
