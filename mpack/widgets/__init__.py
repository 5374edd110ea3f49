"""Interactive figures: they compute in the page, live in a notebook and in the static book alike.

>>> import mpack
>>> mpack.widgets.Playground(phi=0.8, dynamics="SGD", alpha=0.1)  # doctest: +SKIP

Every figure is one import-free ES module in anywidget's form. In JupyterLab and Voila it is an anywidget; in the book,
and in a page saved from it, the same module runs by itself (`mpack/widgets/_page.js`). `ADDING.md` in this folder says
how to add one.
"""

import functools

from mpack.widgets import _sources

__all__ = [_sources.class_name(name) for name in _sources.names()]


@functools.cache
def _class(name):
    from mpack.widgets import _live

    return _live.make(name)


def __getattr__(name):
    for figure in _sources.names():
        if _sources.class_name(figure) == name:
            return _class(figure)
    raise AttributeError(f"module 'mpack.widgets' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
