"""`make lint`: one format, the rules, spelling, types; says all that is wrong before it ends."""

import subprocess
import sys

from .places import ROOT, say

CHECKS = {
    "format": ["ruff", "format", "--check", "--quiet", "."],
    "rules": ["ruff", "check", "--quiet", "."],
    "spelling": ["codespell_lib"],
    "types": ["mypy"],
}


def main():
    """Run every check; the exit status."""
    failed = []
    for name, (module, *arguments) in CHECKS.items():
        command = [sys.executable, "-m", module, *arguments]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            failed.append(name)
    say(
        f"Not in order: {', '.join(failed)}."
        if failed
        else "Format, rules, spelling and types are in order."
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
