"""``manage.py storage_router doctor``: ask the services themselves, and say what to do about each failure."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from typing import ClassVar

from storage_router.conf.problems import suggestion
from storage_router.installed import Used, used
from storage_router.management.output import Output
from storage_router.management.subcommand import JSON, STORAGE, TENANT, Subcommand, unusable
from storage_router.provision.commands import ORIGIN, origins
from storage_router.provision.needs import FONTS, needs

from . import PROBES, STATUSES, Finding, examine

_COLUMNS = ("backend", "probe", "status", "message", "hint")
_STYLES = {"ok": "SUCCESS", "warning": "WARNING", "failed": "ERROR"}
_COMMAND = re.compile(r"(.*?)(az (?:storage|role) .*)?", re.DOTALL)


class Doctor(Subcommand):
    """Examines the backends one after the other."""

    help = "Ask the services: token, container, list, write, read, sign and fetch, delete, clock, public access, CORS."
    arguments: ClassVar = {
        **STORAGE,
        **TENANT,
        "--backend": {"action": "append", "metavar": "ALIAS", "help": "Only this backend; may be repeated."},
        "--skip": {
            "action": "append",
            "default": [],
            "choices": PROBES,
            "metavar": "PROBE",
            "help": f"Leave out a probe: {', '.join(PROBES)}. May be repeated.",
        },
        **ORIGIN,
        **JSON,
    }

    def run(self) -> int:
        """Examine the backends; return 1 if any probe failed."""
        output, as_text = self.output, not self.options["json"]
        pages = origins(self.options["origin"])
        findings: list[Finding] = []
        static = {one.name for account in needs(self.entries) if FONTS in account.cors for one in account.backends}
        chosen = self._chosen()
        if self.options["tenant"] is None:
            of_tenants = {one.name for one in chosen if one.of_tenants}
            if of_tenants and as_text:
                output.line(f"not examined without --tenant: {', '.join(sorted(of_tenants))}")
            chosen = [one for one in chosen if one.name not in of_tenants]
        if as_text and not output.is_terminal:
            output.row(_COLUMNS)
        for backend in chosen:
            if as_text:
                output.heading(backend.name)
            skipped: dict[str, list[str]] = {}
            # When the command is interrupted, or its reader has gone, the probe's file is removed first.
            with contextlib.closing(
                examine(backend, static=backend.name in static, origins=pages, skip=self.options["skip"])
            ) as examination:
                for finding in examination:
                    findings.append(finding)
                    if finding.status == "skipped":
                        skipped.setdefault(finding.message, []).append(finding.probe)
                    elif as_text:
                        _print(output, finding)
            if as_text:
                for message, probes in skipped.items():
                    same = Finding(backend=backend.name, probe=", ".join(probes), status="skipped", message=message)
                    _print(output, same)
        counts = {status: [finding.status for finding in findings].count(status) for status in STATUSES}
        if as_text:
            if output.is_terminal:
                output.line()
            output.line(", ".join(f"{count} {status}" for status, count in counts.items() if count))
        else:
            output.json({"findings": [dataclasses.asdict(finding) for finding in findings], "counts": counts})
        return 1 if counts["failed"] else 0

    def _chosen(self) -> list[Used]:
        found, wanted = list(used(self.entries)), self.options["backend"]
        if self.options["storage"] and not found:
            raise self.nothing("has nothing of its own to examine")
        names = [one.name for one in found]
        for name in wanted or ():
            if name not in names:
                raise unusable(f"There is no backend {name!r}. {suggestion(name, names)}")
        return [one for one in found if not wanted or one.name in wanted]


def _print(output: Output, finding: Finding) -> None:
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
