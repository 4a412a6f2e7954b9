"""``tests.kit.warm``: processes that have imported Django before they start, and nothing of the project's."""

from __future__ import annotations

import pytest

from tests.kit import warm

SHOW = """
import os, sys
print(__name__, sys.argv, os.getcwd(), sorted(os.environ), sys.path[:2], repr(sys.stdin.read()))
print([name for name in sys.modules if name.startswith(("storage_router", "settings"))], file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("way", "name"), [(["show.py"], "show.py"), (["-m", "show"], "{folder}/show.py"), (["-c", SHOW], "-c")]
)
def test_a_process_has_its_arguments_folder_and_environment_and_no_other_modules(tmp_path, way, name):
    (tmp_path / "show.py").write_text(SHOW)
    ran = warm.run(*way, "a", cwd=tmp_path, env={"PYTHONPATH": "/other", "ONE": "1"})
    arguments = [name.format(folder=tmp_path), "a"]
    shown = f"__main__ {arguments} {tmp_path} ['ONE', 'PYTHONPATH'] {[str(tmp_path), '/other']} ''\n"
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, shown, "[]\n")


@pytest.mark.parametrize(
    ("code", "status", "errors"),
    [
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('ended')", 1, "ended\n"),
        ("import atexit; atexit.register(print, 'end', flush=True); 1 / 0", 1, "ZeroDivisionError: division by zero\n"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9, ""),
    ],
)
def test_a_process_ends_as_it_would_anywhere(tmp_path, code, status, errors):
    ran = warm.run("-c", code, cwd=tmp_path, env={})
    assert ran.returncode == status
    assert ran.stderr.endswith(errors)
    assert ran.stderr.count("Traceback") == ("Error" in errors)
    assert ran.stdout == ("end\n" if "atexit" in code else "")


def test_what_is_imported_before_is_there(tmp_path):
    code = f"import sys; print(set({warm.MODULES}) - sys.modules.keys())"
    assert warm.run("-c", code, cwd=tmp_path, env={}).stdout == "set()\n"
