"""Where every file is, who may read it, and what a stranger gets."""

import datetime as dt
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import parse_qs, urlsplit

from django import forms
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import Storage, default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.test import RequestFactory
from django.urls import resolve, reverse
from django.views.decorators.http import require_GET, require_POST

from storage_router.uploads import DirectFileInput

from .models import Document, Picture, Video

LINK_SECONDS = 300
LARGEST_UPLOAD = 20 * 2**20


class VideoForm(forms.ModelForm):
    """A form whose file goes from the browser to the backend before it is submitted."""

    class Meta:
        model = Video
        fields = ("title", "file")
        widgets = {"file": DirectFileInput("videos")}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the router says that a name goes."""

    name: str
    route: str
    why: str
    alias: str
    backend_name: str
    where: str
    is_private: bool


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """One file of the page. ``stranger`` lists what somebody gets who is not signed in: address and answer."""

    title: str
    place: Place
    url: str
    stranger: tuple[tuple[str, str], ...] = ()
    signed_url: str = ""
    signed_until: dt.datetime | None = None


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """List every file that the models and collectstatic stored."""
    context = {
        "pictures": [stored(picture.file.name, picture.title) for picture in Picture.objects.all()],
        "documents": [document(one, request) for one in Document.objects.all()],
        "videos": [stored(video.file.name, video.title) for video in Video.objects.all()],
        "static": [stored(name) for name in names_below(default_storage, "static")],
        "picture": picture_of_routes(),
        "video_form": VideoForm(auto_id="video_%s"),
        "link_minutes": LINK_SECONDS // 60,
    }
    return render(request, "library/index.html", context)


@require_GET
def backends(request: HttpRequest) -> HttpResponse:
    """List what each backend holds, asked directly, without the routes."""
    held = {alias: list(names_below(storage)) for alias, storage in default_storage.backends.items()}
    return render(request, "library/backends.html", {"backends": held})


@require_GET
def where(request: HttpRequest) -> JsonResponse:
    """Say where a file of this name would go. The page asks while a name is being typed."""
    try:
        found = place(request.GET.get("name", ""))
    except SuspiciousFileOperation as error:
        return JsonResponse({"error": str(error)})
    return JsonResponse({"alias": found.alias, "where": found.where, "why": found.why, "private": found.is_private})


@require_POST
def upload(request: HttpRequest) -> HttpResponse:
    """Store a file under the name that was typed: the name decides where it goes."""
    file, name = request.FILES.get("file"), request.POST.get("name", "")
    try:
        if file is None or file.size > LARGEST_UPLOAD:
            raise SuspiciousFileOperation("Choose a file of at most 20 MiB.")
        if place(name).alias == "static":
            raise SuspiciousFileOperation("Static files come from collectstatic.")
        saved = default_storage.save(default_storage.generate_filename(name), file)
    except SuspiciousFileOperation as error:
        messages.error(request, str(error))
        return redirect("index")
    found = place(saved)
    if found.is_private:
        # Who may read a document is asked of its row.
        Document.objects.create(title=PurePosixPath(saved).name, file=saved)
    messages.success(request, f"{saved} was stored in {found.alias}: {found.where}. {found.why}.")
    return redirect("index")


@require_POST
def video(request: HttpRequest) -> HttpResponse:
    """Store a video, which is in the quarantine by now."""
    form = VideoForm(request.POST, request.FILES)
    if form.is_valid():
        found = place(form.save().file.name)
        messages.success(request, f"{found.name} was stored in {found.alias}: {found.where}.")
    for error in form.errors.values():
        messages.error(request, " ".join(error))
    return redirect("index")


def may_upload(request: HttpRequest, file: object) -> bool:
    """Say who may upload a video: in this example everybody."""
    return True


def serve(request: HttpRequest, name: str) -> FileResponse:
    """Send one file of a backend that has no web server of its own: its links lead here."""
    try:
        if not default_storage.url(name).startswith(reverse("index") + "files/"):
            # Azure serves its files itself, and a private file has a view of its own.
            raise Http404(name)
        content = default_storage.open(name)
    except (FileNotFoundError, IsADirectoryError, SuspiciousFileOperation):
        raise Http404(name) from None
    return FileResponse(content, filename=PurePosixPath(name).name)


def place(name: str) -> Place:
    """Ask the router about one name."""
    found = default_storage.explain(name)
    routes = default_storage.configuration.document.routes
    return Place(
        name=name,
        route=found.route or "default",
        why=found.why,
        alias=found.alias,
        backend_name=found.backend_name,
        where=where_of(default_storage.backends[found.alias]),
        is_private=found.index is not None and routes[found.index].delivery != "link",
    )


def where_of(storage: Storage) -> str:
    """Return account and container, or what the backend has in their place."""
    if hasattr(storage, "azure_container"):
        return f"{storage.account_name} / {storage.azure_container}"
    return f"{type(storage).__name__} / {PurePosixPath(str(storage.location or 'memory')).name or 'memory'}"


def stored(name: str, title: str = "") -> StoredFile:
    """Return what the page says of a public file."""
    return StoredFile(title=title, place=place(name), url=default_storage.url(name))


def document(row: Document, request: HttpRequest) -> StoredFile:
    """Return what the page says of a private file: its link, and what a stranger gets."""
    name, url = row.file.name, row.file.url
    found = place(name)
    storage = default_storage.backends[found.alias]
    stranger = [("the link of this page", answer_of_the_view(url))]
    signed_url, signed_until = "", None
    if hasattr(storage, "public_url"):
        stranger.append(("the address of the blob, unsigned", answer_of(storage.public_url(found.backend_name))))
        if request.user.is_authenticated:
            signed_url = storage.url(found.backend_name, expire=LINK_SECONDS)
            signed_until = dt.datetime.fromisoformat(parse_qs(urlsplit(signed_url).query)["se"][0])
    return StoredFile(
        title=row.title,
        place=found,
        url=url,
        stranger=tuple(stranger),
        signed_url=signed_url,
        signed_until=signed_until,
    )


def answer_of_the_view(url: str) -> str:
    """Call the view of a private file as somebody who is not signed in."""
    request = RequestFactory().get(url, headers={"accept": "text/html"})
    request.user = AnonymousUser()
    match = resolve(urlsplit(url).path)
    response = match.func(request, *match.args, **match.kwargs)
    return "302, to the login" if response.status_code == 302 else str(response.status_code)


def answer_of(url: str) -> str:
    """Fetch an address as anybody could."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return f"{answer.status}: anybody can read it"
    except urllib.error.HTTPError as error:
        code = error.headers.get("x-ms-error-code", "")
        error.close()
        return f"{error.code} {code}".rstrip()
    except OSError:
        return "no answer"


def picture_of_routes() -> dict[str, object]:
    """Return the routes on the left and the backends on the right, with the lines between them, for an SVG."""
    document = default_storage.configuration.document
    aliases = list(document.backends)
    rows = [(", ".join(route.prefix or route.types or route.glob), route) for route in document.routes]
    rows.append(("everything else", None))
    height = 56
    lines = []
    for number, (label, route) in enumerate(rows):
        alias = route.backend if route else document.default
        lines.append(
            {"label": label, "alias": alias, "y": number * height + 28, "to": aliases.index(alias) * height + 28}
        )
    boxes = [
        {
            "alias": alias,
            "where": where_of(default_storage.backends[alias]),
            "who": who_may_read(alias),
            "y": number * height + 28,
        }
        for number, alias in enumerate(aliases)
    ]
    return {"lines": lines, "boxes": boxes, "height": max(len(lines), len(boxes)) * height}


def who_may_read(alias: str) -> str:
    """Say who can read the files of a backend."""
    document = default_storage.configuration.document
    routes = [route for route in document.routes if route.backend == alias]
    if any(document.uploads.quarantine in route.prefix for route in routes):
        return "unchecked uploads"
    return "asks who may read" if any(route.delivery != "link" for route in routes) else "public"


def names_below(storage: Storage, path: str = "") -> Iterator[str]:
    """Yield the names of all files below ``path``, with nothing but ``listdir``, which every storage has."""
    try:
        directories, files = storage.listdir(path)
    except FileNotFoundError:
        # Nothing was stored there yet.
        return
    for file in sorted(files):
        yield f"{path}/{file}" if path else file
    for directory in sorted(directories):
        yield from names_below(storage, f"{path}/{directory}" if path else directory)
