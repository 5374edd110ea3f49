"""`make test`: build the book, then run every test, whether or not the book came out.

Arguments go to pytest.
"""

import os
import subprocess
import sys

from . import build, places


def main(arguments):
    built = build.main()
    command = [
        sys.executable,
        "-m",
        "pytest",
        "tests",
        "-q",
        "--durations=8",
        "--dist",
        "loadscope",
        "--no-loadscope-reorder",
        "-p",
        "no:cacheprovider",
        *arguments,
    ]
    environment = {**os.environ, **places.settings(), "MPACK_REQUIRE_BOOK": "1"}
    tested = subprocess.run(command, cwd=places.ROOT, env=environment).returncode
    if built:
        places.say("The book was NOT built; see the beginning of this output.")
    return tested or built


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
