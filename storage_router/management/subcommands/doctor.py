"""``manage.py storage_router doctor``: ask the services themselves, and say what to do about each failure."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser

from storage_router import doctor
from storage_router.conf.problems import suggestion
from storage_router.installed import Entry, Used, used
from storage_router.management.output import Output
from storage_router.provision.needs import FONTS, needs

from . import origins, selection

HELP = "Ask the services: token, container, list, write, read, sign and fetch, delete, clock, public access, CORS."

_COLUMNS = ("backend", "probe", "status", "message", "hint")
_STYLES = {"ok": "SUCCESS", "warning": "WARNING", "failed": "ERROR"}
_COMMAND = re.compile(r"(.*?)(az (?:storage|role) .*)?", re.DOTALL)


def add_arguments(parser: CommandParser) -> None:
    selection.add_arguments(parser)
    selection.add_tenant(parser)
    parser.add_argument("--backend", action="append", metavar="ALIAS", help="Only this backend; may be repeated.")
    parser.add_argument(
        "--skip",
        action="append",
        default=[],
        choices=doctor.PROBES,
        metavar="PROBE",
        help=f"Leave out a probe: {', '.join(doctor.PROBES)}. May be repeated.",
    )
    origins.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="Print JSON.")


@selection.for_tenant
def run(output: Output, options: Mapping[str, Any]) -> int:
    """Examine the backends one after the other; return 1 if any probe failed."""
    pages = origins.of_site(options)
    findings: list[doctor.Finding] = []
    as_text = not options["json"]
    entries = selection.sound_entries(options)
    chosen = _chosen(entries, options)
    static = {one.name for account in needs(entries) if FONTS in account.cors for one in account.backends}
    if options["tenant"] is None:
        of_tenants = {one.name for one in chosen if one.of_tenants}
        if of_tenants and as_text:
            output.line(f"not examined without --tenant: {', '.join(sorted(of_tenants))}")
        chosen = [one for one in chosen if one.name not in of_tenants]
    if as_text and not output.is_terminal:
        output.row(_COLUMNS)
    for backend in chosen:
        if as_text:
            output.heading(backend.name)
        skipped: dict[str, list[doctor.Finding]] = {}
        # When the command is interrupted, or its reader has gone, the probe's file is removed first.
        with contextlib.closing(
            doctor.examine(backend, static=backend.name in static, origins=pages, skip=options["skip"])
        ) as examination:
            for finding in examination:
                findings.append(finding)
                if finding.status == "skipped":
                    skipped.setdefault(finding.message, []).append(finding)
                elif as_text:
                    _print(output, finding)
        if as_text:
            for same in skipped.values():
                _print(output, dataclasses.replace(same[0], probe=", ".join(finding.probe for finding in same)))
    counts = {status: [finding.status for finding in findings].count(status) for status in doctor.STATUSES}
    if as_text:
        if output.is_terminal:
            output.line()
        output.line(", ".join(f"{count} {status}" for status, count in counts.items() if count))
    else:
        output.json({"findings": [dataclasses.asdict(finding) for finding in findings], "counts": counts})
    return 1 if counts["failed"] else 0


def _print(output: Output, finding: doctor.Finding) -> None:
    """Print a finding. A command in its hint has a line of its own, so that it can be copied."""
    if not output.is_terminal:
        output.row((finding.backend, finding.probe, finding.status, finding.message, finding.hint))
        return
    paint = getattr(output.style, _STYLES.get(finding.status, ""), str)
    output.paragraph(f"{finding.probe}: {finding.message}", f"  {finding.status:<8} ", paint)
    hint, command = _COMMAND.fullmatch(finding.hint).groups()  # type: ignore[union-attr]  # it matches everything
    if hint:
        output.paragraph(hint, " " * 11)
    if command:
        output.line(f"{'':11}{command}")


def _chosen(entries: Sequence[Entry], options: Mapping[str, Any]) -> list[Used]:
    found = list(used(entries))
    if options["storage"] and not found:
        message = f"{entries[0].place} has nothing of its own to examine: {selection.whose(entries[0])}"
        raise CommandError(message, returncode=selection.UNUSABLE)
    names = [one.name for one in found]
    for wanted in options["backend"] or ():
        if wanted not in names:
            message = f"There is no backend {wanted!r}. {suggestion(wanted, names)}"
            raise CommandError(message, returncode=selection.UNUSABLE)
    return [one for one in found if not options["backend"] or one.name in options["backend"]]
