"""Dataclass settings on the command line: one flag a field, its docstring as help; and checks of their values."""

import argparse
import ast
import inspect
import json
import math
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any, ClassVar, Protocol, TypeVar, get_args, get_origin, get_type_hints


class Dataclass(Protocol):
    """Any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


Config = TypeVar("Config", bound=Dataclass)


def flag(name: str) -> str:
    """Return the flag of a field: `weight_decay` -> `--weight-decay`."""
    return "--" + name.replace("_", "-")


def field_docs(kind: type) -> dict[str, str]:
    """Read the docstrings that stand under a dataclass's fields, inherited ones included, by field."""
    docs = {}
    for base in reversed([base for base in kind.__mro__ if is_dataclass(base)]):
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        assert isinstance(body, ast.ClassDef)
        for node, after in zip(body.body, body.body[1:], strict=False):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(after, ast.Expr):
                docs[node.target.id] = " ".join(ast.literal_eval(after.value).split())
    return docs


def add_config_arguments(parser: argparse.ArgumentParser, kind: type) -> None:
    """Add one flag for every field of a dataclass.

    Numbers and texts take one value, tuples as many as they hold, truth values none (`--frames`, `--no-frames`), and
    dicts KEY=VALUE pairs, VALUE in JSON (`--model width=192 blocks=2`).

    Args:
        parser: receives the flags; a flag that is not given is None in its namespace.
        kind: the dataclass.

    Raises:
        TypeError: where a field is of none of these kinds.
    """
    docs, hints = field_docs(kind), get_type_hints(kind)
    group = parser.add_argument_group("settings of the preset")
    for field in fields(kind):
        hint, text = hints[field.name], docs.get(field.name, "").replace("%", "%%")
        options: dict[str, Any] = {"dest": field.name, "default": None, "help": text}
        if hint is bool:
            options |= {"action": argparse.BooleanOptionalAction}
        elif hint in (int, float, str):
            options |= {"type": hint, "metavar": hint.__name__.upper()}
        elif get_origin(hint) is tuple:
            element = get_args(hint)[0]
            options |= {"type": element, "nargs": len(get_args(hint)), "metavar": element.__name__.upper()}
        elif hint is dict or get_origin(hint) is dict:
            options |= {"type": _entry, "nargs": "+", "metavar": "KEY=VALUE"}
        else:
            raise TypeError(f"{kind.__name__}.{field.name} has no place on the command line")
        group.add_argument(flag(field.name), **options)


def _entry(text: str) -> tuple[str, Any]:
    """KEY=VALUE as (key, value); VALUE in JSON, or else a text."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is no KEY=VALUE")
    try:
        return key, json.loads(value)
    except json.JSONDecodeError:
        return key, value


def configured(preset: Config, args: argparse.Namespace) -> Config:
    """Change a preset by the flags that were given.

    Args:
        preset: a dataclass; entries of its dicts that no flag names stay.
        args: of a parser with `add_config_arguments`.

    Raises:
        ValueError: where the dataclass refuses the values.
    """
    changes = {}
    for field in fields(preset):
        value, before = getattr(args, field.name, None), getattr(preset, field.name)
        if value is not None:
            kind = type(before)
            changes[field.name] = (
                {**before, **dict(value)} if kind is dict else tuple(value) if kind is tuple else value
            )
    return replace(preset, **changes)


def require(
    config: object,
    *names: str,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
) -> None:
    """Check that numbers of a config, alone or in tuples, are finite and within bounds.

    Raises:
        ValueError: naming the flag, the bound and the value.
    """
    for name in names:
        value = getattr(config, name)
        for number in value if isinstance(value, (tuple, list)) else (value,):
            if isinstance(number, bool) or not isinstance(number, (int, float)) or not math.isfinite(number):
                raise ValueError(f"{flag(name)} must be a number, not {number!r}")
            if least is not None and number < least:
                raise ValueError(f"{flag(name)} must be at least {least:,}, not {number}")
            if above is not None and number <= above:
                raise ValueError(f"{flag(name)} must be more than {above:,}, not {number}")
            if most is not None and number > most:
                raise ValueError(f"{flag(name)} must be at most {most:,}, not {number}")


def require_choice(config: object, name: str, choices: Iterable[str]) -> None:
    """Check that a field is one of several names.

    Raises:
        ValueError: naming the choices.
    """
    value = getattr(config, name)
    if value not in choices:
        raise ValueError(f"{flag(name)} must be one of {', '.join(choices)}, not {value!r}")


def require_arguments(config: object, name: str, kind: Callable) -> None:
    """Check that the keys of a dict field are arguments of a class.

    Raises:
        ValueError: naming the arguments there are.
    """
    known = inspect.signature(kind).parameters
    for key in getattr(config, name):
        if key not in known:
            raise ValueError(f"{flag(name)}: {kind.__name__} takes no {key!r}, but {', '.join(known)}")


def require_run(config: object) -> None:
    """Check the fields that every trainer's config has: images, batch, lr, ema, seed.

    Raises:
        ValueError: naming the flag, the bound and the value.
    """
    require(config, "images", "batch", least=1)
    require(config, "lr", least=0)
    require(config, "ema", least=0, most=1)
    require(config, "seed", least=0, most=2**32 - 1)
