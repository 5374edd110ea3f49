"""`python -m mpack`, and the command `mpack`: see `mpack --help`."""

import sys

import mpack


def main() -> int:
    """Do what the arguments of the process say; the exit status."""
    if not hasattr(mpack, "simulate"):  # its __init__.py is another's, or gone with the other
        from mpack import _namesake

        print(f"mpack: {_namesake.sentence()}", file=sys.stderr)
        return 2
    from mpack import _command

    return _command.main()


if __name__ == "__main__":
    sys.exit(main())
