"""`make test`: look at the style, build the book, then run every test, whether or not the rest came out.

    python -m book._tools.test [--quick] [pytest arguments]

With --quick the quick tests of the library alone, without style and book.
"""

import os
import subprocess
import sys

from . import build, lint, places, together

PYTEST = [sys.executable, "-m", "pytest", "tests", "-q", "-p", "no:cacheprovider"]
TOGETHER = ["--dist", "loadgroup", "--no-loadscope-reorder"]
QUICK = ["-m", "library and not slow", "--dist", "load"]


def tests(arguments, **environment):
    """Run pytest; its exit status."""
    settings = {**os.environ, **places.settings(), **environment}
    command = [*PYTEST, "--durations=8", *arguments]
    return subprocess.run(command, cwd=places.ROOT, env=settings, check=False).returncode


def main(arguments):
    """Run what is asked for; the exit status."""
    if "--quick" in arguments:
        return tests([*QUICK, *(word for word in arguments if word != "--quick")])
    with together.alone():
        untidy, unbuilt = lint.main(), build.main()
        failed = tests([*TOGETHER, *arguments], MPACK_REQUIRE_BOOK="1")
    if unbuilt:
        places.say("The book was NOT built; see the beginning of this output.")
    if untidy:
        places.say("The style is not in order; see the beginning of this output, or `make lint`.")
    return failed or unbuilt or untidy


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
