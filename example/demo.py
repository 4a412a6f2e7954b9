"""The example project, from nothing to a page that shows where its files went. ``make demo`` runs this.

Environment variables, and nothing else, tell the project where its backends are: in a local Azurite that this script
starts (``--backends azurite``), in a directory (``filesystem``) or in this process (``memory``). What is started or
written here is gone at the end.
"""

import argparse
import contextlib
import os
import secrets
import shlex
import signal
import socket
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
AZURITE = HERE.parent / "tools/azurite/node_modules/.bin/azurite-blob"

# Each backend's account, as in storage_router.toml.
ACCOUNTS = {
    "media": "acmefiles",
    "private": "acmeprivate",
    "bulk": "acmebulk",
    "quarantine": "acmebulk",
    "static": "acmecdn",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--backends", choices=["azurite", "filesystem", "memory"], default="azurite")
    parser.add_argument("--port", type=int, help="of the page; any free one without this")
    arguments = parser.parse_args()
    # Before any work: runserver leaves without a chance to clear up where the port is taken.
    try:
        port = free_port(arguments.port or 0)
    except (OSError, OverflowError) as error:
        parser.error(f"the page cannot be served on port {arguments.port}: {error}. Try another: make demo PORT=8001")
    # Whoever ends the demo politely, or from a script, gets the same tidy end as the one who presses Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with contextlib.ExitStack() as stack, contextlib.suppress(KeyboardInterrupt):
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="storage-router-demo-")))
        environment = {"EXAMPLE_DATABASE": str(folder / "db.sqlite3")}
        if arguments.backends == "azurite":
            environment |= azurite_backends(stack)
        else:
            environment |= local_backends(arguments.backends, folder)
        os.environ.update(environment)
        password = set_up_project(port)
        exports = folder / "environment"
        exports.write_text("".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()))
        manage = shlex.join([sys.executable, "manage.py"])
        print(
            "",
            f"  Page        http://127.0.0.1:{port}/",
            f"  Admin       http://127.0.0.1:{port}/admin/",
            f"  Login       admin, {password}",
            "",
            "A command in this project, from another terminal:",
            "",
            f"  cd {shlex.quote(str(HERE))} && . {exports} && {manage} storage_router config",
            "",
            "Ctrl-C stops everything.",
            sep="\n",
            flush=True,
        )
        serve(port)


def azurite_backends(stack: contextlib.ExitStack) -> dict[str, str]:
    """Start Azurite and return the variables that lead there."""
    sys.path.append(str(HERE.parent))
    from tests.kit.azurite import ACCOUNT_KEY, Azurite

    print("Starting Azurite", flush=True)
    os.environ.setdefault("AZURITE_BIN", str(AZURITE))
    server = stack.enter_context(Azurite(accounts=dict.fromkeys(ACCOUNTS.values(), ACCOUNT_KEY)))
    environment = {}
    for alias, account in ACCOUNTS.items():
        environment[f"STORAGE_ROUTER__BACKENDS__{alias.upper()}__ACCOUNT_URL"] = server.account_url(account)
        environment[f"STORAGE_ROUTER__BACKENDS__{alias.upper()}__ACCOUNT_KEY"] = ACCOUNT_KEY
    return environment


def local_backends(kind: str, folder: Path) -> dict[str, str]:
    """Return the variables that put every backend into ``folder``, or into memory."""
    environment = {}
    for alias in ACCOUNTS:
        variable = f"STORAGE_ROUTER__BACKENDS__{alias.upper()}"
        environment[f"{variable}__TYPE"] = kind
        # The route of static/ strips its prefix, so that backend has to put it back into its links.
        environment[f"{variable}__BASE_URL"] = "/files/static/" if alias == "static" else "/files/"
        if kind == "filesystem":
            environment[f"{variable}__LOCATION"] = str(folder / alias)
    return environment


def set_up_project(port: int) -> str:
    """Migrate, collect the static files, store the samples and create a user; return the password."""
    os.chdir(HERE)
    sys.path.insert(0, str(HERE))
    os.environ["DJANGO_SETTINGS_MODULE"] = "acme.settings"

    import django
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    django.setup()
    print("Creating containers", flush=True)
    # The page sends videos straight to a backend, so it is given an origin.
    call_command("storage_router", "provision", "--apply", f"--origin=http://127.0.0.1:{port}")
    print("Migrating", flush=True)
    call_command("migrate", verbosity=0)
    print("Collecting static files", flush=True)
    call_command("collectstatic", interactive=False)

    from library import samples

    print("Storing samples", flush=True)
    samples.store()
    password = secrets.token_urlsafe(9)
    get_user_model().objects.create_superuser("admin", password=password)
    return password


def serve(port: int) -> None:
    """Serve until Ctrl-C. In this process, because files in memory are in no other."""
    from django.core.management import call_command

    os.environ["DJANGO_RUNSERVER_HIDE_WARNING"] = "true"
    call_command("runserver", f"127.0.0.1:{port}", use_reloader=False, use_static_handler=False)


def free_port(wanted: int) -> int:
    """Return ``wanted``, or any free port for 0. Raises ``OSError`` where it is taken."""
    with socket.create_server(("127.0.0.1", wanted)) as listener:
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    main()
