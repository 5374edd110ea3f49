"""`python -m mpack`: the command line, see `mpack --help`."""

import sys

from mpack._command import main

if __name__ == "__main__":
    sys.exit(main())
