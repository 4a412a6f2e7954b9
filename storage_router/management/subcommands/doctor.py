"""``manage.py storage_router doctor``: ask the services themselves, and say what to do about each failure."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core.files.storage import Storage
from django.core.management.base import CommandError, CommandParser

from storage_router import doctor
from storage_router.azure.storage import AzureStorage
from storage_router.conf.report import suggestion
from storage_router.management.output import Output
from storage_router.router import RouterStorage

from . import selection

HELP = "Ask the services: token, container, list, write, read, sign and fetch, delete, clock, public access, CORS."

_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*)://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]+)?/?")
_USUAL_PORTS = {"http": ":80", "https": ":443"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Patient:
    """A storage to examine. ``read_only`` says that every route to it is."""

    name: str
    storage: Storage
    read_only: bool = False


def add_arguments(parser: CommandParser) -> None:
    """Add the arguments."""
    selection.add_arguments(parser)
    parser.add_argument("--backend", action="append", metavar="ALIAS", help="Only this backend; may be repeated.")
    parser.add_argument(
        "--skip",
        action="append",
        default=[],
        choices=doctor.PROBES,
        metavar="PROBE",
        help=f"Leave out a probe: {', '.join(doctor.PROBES)}. May be repeated.",
    )
    parser.add_argument(
        "--origin",
        help="The site's origin for the CORS probe, such as https://www.example.com. Without it the first of "
        "CSRF_TRUSTED_ORIGINS, else of ALLOWED_HOSTS, that names one host.",
    )
    parser.add_argument("--json", action="store_true", help="Print JSON.")


def run(output: Output, options: Mapping[str, Any]) -> int:
    """Examine the backends one after the other; return 1 if any probe failed."""
    origin = _given_origin(options["origin"]) if options["origin"] else site_origin()
    findings: list[doctor.Finding] = []
    for patient in _chosen(list(_patients(options)), options["backend"]):
        if not options["json"]:
            output.heading(patient.name)
        examination = doctor.examine(
            patient.name, patient.storage, read_only=patient.read_only, origin=origin, skip=options["skip"]
        )
        # Whatever ends the command in between, a reader who has gone or Ctrl-C, the probe's file is removed first.
        with contextlib.closing(examination):
            for finding in examination:
                findings.append(finding)
                if not options["json"]:
                    output.finding(finding.backend, finding.probe, finding.status, finding.message, finding.hint)
    counts = Counter(finding.status for finding in findings)
    if options["json"]:
        # Scripts compare counts["failed"] with 0, so it is there when nothing failed, too.
        every = {status: counts[status] for status in doctor.STATUSES}
        output.json({"findings": [dataclasses.asdict(finding) for finding in findings], "counts": every})
    elif output.is_terminal:
        output.line()
        output.line(", ".join(f"{counts[status]} {status}" for status in doctor.STATUSES if counts[status]))
    return 1 if counts["failed"] else 0


def site_origin() -> str | None:
    """Return the origin of the site's pages as far as the settings tell: one without wildcards, or None."""
    hosts = (f"https://{host}" for host in settings.ALLOWED_HOSTS if not host.startswith("."))
    origins = map(_as_browsers_send_it, (*settings.CSRF_TRUSTED_ORIGINS, *hosts))
    return next(filter(None, origins), None)


def _given_origin(text: str) -> str:
    if origin := _as_browsers_send_it(text):
        return origin
    example = "https://www.example.com"
    if "://" not in text and (meant := _as_browsers_send_it(f"https://{text}")):
        message = f"--origin {text} lacks the scheme: write {meant}, or http:// if the site's pages have that."
    elif meant := _as_browsers_send_it("/".join(text.split("/")[:3])):
        message = f"--origin {text} is more than an origin, which ends behind the host: write {meant}."
    else:
        message = f"--origin {text} is not an origin: write the scheme and the host of the site, such as {example}."
    raise CommandError(message, returncode=selection.UNUSABLE)


def _as_browsers_send_it(text: str) -> str | None:
    """Return an origin in the one spelling that a rule can match, None for what is none.

    https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin
    """
    found = _ORIGIN.fullmatch(text.lower())
    if found is None:
        return None
    scheme, host, port = found.groups()
    return f"{scheme}://{host}" + (port if port and port != _USUAL_PORTS.get(scheme) else "")


def _patients(options: Mapping[str, Any]) -> Iterator[Patient]:
    entries = selection.sound_entries(options)
    routers = [entry for entry in entries if isinstance(entry.storage, RouterStorage)]
    for entry in entries:
        if isinstance(entry.storage, RouterStorage):
            router = entry.storage
            for alias in router.configuration.document.backends:
                name = alias if len(routers) == 1 else f"{entry.name}:{alias}"
                yield Patient(name=name, storage=router.backends[alias], read_only=_is_read_only(router, alias))
        elif isinstance(entry.storage, AzureStorage):
            yield Patient(name=f"storages:{entry.name}" if routers else entry.name, storage=entry.storage)
        elif options["storage"]:
            message = f"STORAGES[{entry.name!r}] has nothing of its own to examine: {selection.whose(entry)}"
            raise CommandError(message, returncode=selection.UNUSABLE)


def _is_read_only(router: RouterStorage, alias: str) -> bool:
    document = router.configuration.document
    routes = [route for route in document.routes if route.backend == alias]
    return bool(routes) and all(route.read_only for route in routes) and document.default != alias


def _chosen(patients: Collection[Patient], names: Collection[str] | None) -> Collection[Patient]:
    known = [patient.name for patient in patients]
    for name in names or ():
        if name not in known:
            message = f"There is no backend {name!r}. {suggestion(name, known)}"
            raise CommandError(message, returncode=selection.UNUSABLE)
    return [patient for patient in patients if names is None or patient.name in names]
