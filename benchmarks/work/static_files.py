"""What ``collectstatic`` costs, with 2,130 files."""

from __future__ import annotations

import tempfile
from pathlib import Path

from collectstatic import CONTAINER, FILES, collectstatic, floor, make_files
from contenders import connection_string
from measuring import Figures, exhausted, timed


def first_run(contender: str, endpoint: str) -> Figures:
    """Copy all files into an empty container."""
    return _collected(contender, endpoint, is_first=True)


def nothing_changed(contender: str, endpoint: str) -> Figures:
    """Find that all files are there already."""
    return _collected(contender, endpoint, is_first=False)


def _collected(contender: str, endpoint: str, *, is_first: bool) -> Figures:
    from azure.storage.blob import BlobServiceClient

    with (
        BlobServiceClient.from_connection_string(connection_string(endpoint)) as service,
        tempfile.TemporaryDirectory() as folder,
    ):
        container = service.create_container(CONTAINER)
        files = Path(folder)
        make_files(files)
        if contender == "floor":
            import obstore.store  # noqa: F401 - the floor is the requests, not the import

            figures = timed(lambda _: floor(files, endpoint), 1, warm=0)
            del figures["requests"]  # obstore does not send by http.client
        else:
            command = collectstatic(files, endpoint, ours=contender == "ours")
            if not is_first:
                # django-storages compares times, so its files may be put there by somebody faster.
                (command if contender == "ours" else lambda: floor(files, endpoint))()
            figures = timed(lambda _: command(), 1, warm=0)
        assert exhausted(container.list_blob_names()) == FILES
    return figures
