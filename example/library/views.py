"""Where every file is: as the router sees it, and as each backend sees itself."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from django.core.files.storage import Storage, default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from .models import Document, Picture, Video


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """One row of the page: the name that Django knows, and where the router says that it is."""

    title: str
    name: str
    route: str
    alias: str
    backend_name: str
    url: str


def index(request: HttpRequest) -> HttpResponse:
    """List every file that the models and collectstatic stored, with its route, its backend and a link."""
    context = {
        "pictures": [stored(picture.file.name, picture.title) for picture in Picture.objects.all()],
        "documents": [stored(document.file.name, document.title) for document in Document.objects.all()],
        "videos": [stored(video.file.name, video.title) for video in Video.objects.all()],
        "static": [stored(name) for name in names_below(default_storage, "static")],
    }
    return render(request, "library/index.html", context)


def backends(request: HttpRequest) -> HttpResponse:
    """List what each backend holds, asked directly, without the routes."""
    held = {alias: list(names_below(storage)) for alias, storage in default_storage.backends.items()}
    return render(request, "library/backends.html", {"backends": held})


def serve(request: HttpRequest, name: str) -> FileResponse:
    """Send one file of a backend that has no web server of its own: its links lead here."""
    try:
        if not default_storage.url(name).startswith(reverse("index") + "files/"):
            # Azure serves its files itself, and asks for a signature where one is due.
            raise Http404(name)
        content = default_storage.open(name)
    except (FileNotFoundError, IsADirectoryError):
        raise Http404(name) from None
    return FileResponse(content, filename=PurePosixPath(name).name)


def stored(name: str, title: str = "") -> StoredFile:
    """Ask the router about one name."""
    found = default_storage.explain(name)
    return StoredFile(
        title=title,
        name=name,
        route=found.route or "default",
        alias=found.alias,
        backend_name=found.backend_name,
        url=default_storage.url(name),
    )


def names_below(storage: Storage, path: str = "") -> Iterator[str]:
    """Yield the names of all files below ``path``, with nothing but ``listdir``, which every storage has."""
    directories, files = storage.listdir(path)
    for file in sorted(files):
        yield f"{path}/{file}" if path else file
    for directory in sorted(directories):
        yield from names_below(storage, f"{path}/{directory}" if path else directory)
