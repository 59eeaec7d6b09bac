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


def by_group(rows: list[dict[str, str]], figures: dict[str, dict[int, float]]) -> dict[str, dict[str, dict]]:
    """Average figures over the photos of every group.

    Args:
        rows: of the set's table, one a photo; each with "person".
        figures: name -> {index of the photo: its figure}; not every photo need have one.

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
            found = {name: [known[i] for i in indices if i in known] for name, known in figures.items()}
            results.setdefault(kind, {})[group] = {
                "photos": len(indices),
                "people": len({rows[i]["person"] for i in indices}),
                **{name: float(np.mean(values)) for name, values in found.items() if values},
            }
    return results
