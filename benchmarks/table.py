"""From measurements to a table: medians, ratios, and whether the goals are reached."""

from __future__ import annotations

from statistics import median

from measuring import Figures
from rows import Goal, Row

Rounds = list[dict[str, Figures]]
"""For each round, the figures of each contender."""

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (1e-9, "ns"))
_COLUMNS = ("seconds", "cpu", "memory", "requests")
_HEADING = ("work", "contender", "time", "cpu", "memory", "requests", "time to ours")


def heading() -> str:
    """Return the table's first line."""
    return _aligned(_HEADING)


def lines(row: Row, rounds: Rounds) -> list[str]:
    """Return the row's lines: one for each contender, then one for each goal."""
    verdicts = [f"    {'reached' if reached else 'MISSED'}: {words}" for words, reached in judged(row, rounds)]
    return [_aligned(cells) for cells in _cells(row, rounds, list(row.contenders))] + verdicts


def markdown(measured: list[tuple[Row, Rounds]]) -> str:
    """Return the table of docs/performance.md: a line for each row that is no detail, or misses a goal."""
    found = ["| work | storage_router | django-storages | compared with |", "|---|---:|---:|---|"]
    for row, rounds in measured:
        missed = "".join(f"; **missed**: {words}" for words, reached in judged(row, rounds) if not reached)
        if row.detail and not missed:
            continue
        others = [one for one in _fastest(row, rounds) if not one.startswith(("ours", "django-storages"))]
        compared = [f"{row.floor if one == 'floor' else one}: {_brief(rounds, one, 'seconds')}" for one in others]
        theirs = _brief(rounds, "django-storages") if "django-storages" in row.contenders else ""
        found.append(f"| {row.name} | {_brief(rounds, 'ours')}{missed} | {theirs} | {'; '.join(compared)} |")
    return "\n".join(found) + "\n"


def _brief(rounds: Rounds, contender: str, *figures: str) -> str:
    """Return the time, the requests if there are any, and memory above 10 MiB; or only these figures."""
    values = {name: _middle(rounds, contender, name) for name in figures or ("seconds", "requests", "memory")}
    words = []
    for name, value in values.items():
        if name == "requests" and value:
            words.append(f"{value:,.0f} request{'s' if value != 1 else ''}")
        elif name == "memory" and value and value >= 10 * 2**20:
            words.append(f"{value / 2**20:.0f} MiB")
        elif name == "seconds" and value is not None:
            words.append(_shown(value, name))
    return ", ".join(words)


def _fastest(row: Row, rounds: Rounds) -> list[str]:
    """Return the contenders without those that differ from a faster one in a number only."""
    best: dict[str, str] = {}
    for contender in row.contenders:
        family = contender.rstrip("0123456789")
        if family not in best or _ratio(rounds, contender, best[family]) < 1:
            best[family] = contender
    return list(best.values())


def judged(row: Row, rounds: Rounds) -> list[tuple[str, bool]]:
    """Hold the figures against the goals: words, and whether it is reached."""
    return [_judged(goal, row, rounds) for goal in row.goals]


def _judged(goal: Goal, row: Row, rounds: Rounds) -> tuple[str, bool]:
    if not goal.other:
        value = _middle(rounds, "ours", goal.figure)
        assert value is not None
        words = f"{_shown(value, goal.figure)}, at most {_shown(goal.bound, goal.figure)}"
        return (f"{words} requests" if goal.figure == "requests" else words), value <= goal.bound
    rivals = [contender for contender in row.contenders if contender.startswith(goal.other)]
    ratio = max(_ratio(rounds, "ours", rival, goal.figure) for rival in rivals)
    name = row.floor if goal.other == "floor" else goal.other + ("'s best" if len(rivals) > 1 else "")
    if goal.times_faster:
        return f"{1 / ratio:.1f} x {name}, at least {goal.bound:g} x", 1 / ratio >= goal.bound
    kind = "processor time" if goal.figure == "cpu" else "time"
    return f"{ratio:.2f} x the {kind} of {name}, at most {goal.bound:g} x", ratio <= goal.bound


def _cells(row: Row, rounds: Rounds, contenders: list[str]) -> list[tuple[str, ...]]:
    found = []
    for contender in contenders:
        figures = [_middle(rounds, contender, figure) for figure in _COLUMNS]
        shown = ["-" if value is None else _shown(value, name) for name, value in zip(_COLUMNS, figures, strict=True)]
        name = row.floor if contender == "floor" else contender
        ratio = "" if contender == "ours" else f"{_ratio(rounds, contender, 'ours'):.3g}"
        found.append((row.name, name, *shown, ratio))
    return found


def _middle(rounds: Rounds, contender: str, figure: str) -> float | None:
    """Return the median of one figure of a contender, None where it was not measured."""
    values = [found[contender][figure] for found in rounds if figure in found[contender]]
    return median(values) if values else None


def _ratio(rounds: Rounds, above: str, below: str, figure: str = "seconds") -> float:
    """Return the median of the rounds' ratios: a machine that slows down half-way slows both sides."""
    return median(found[above][figure] / found[below][figure] for found in rounds)


def _shown(value: float, figure: str) -> str:
    if figure == "memory":
        return f"{value / 2**20:.1f} MiB"
    if figure == "requests":
        return f"{value:.4g}"
    factor, unit = next(((factor, unit) for factor, unit in _UNITS if value >= factor), _UNITS[-1])
    return f"{value / factor:.3g} {unit}"


def _aligned(cells: tuple[str, ...]) -> str:
    work, contender, *rest = cells
    return f"{work:40} {contender:21}" + "".join(f"{cell:>13}" for cell in rest)
