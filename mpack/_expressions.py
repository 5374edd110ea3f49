"""Rules as Python writes them, read without evaluating anything else."""

import ast

from mpack import dynamics, potentials
from mpack.dynamics import Dynamics

_LONGEST = 1000  # characters of a rule


def dynamics_of(text: str) -> Dynamics:
    """The dynamics that a Python expression stands for, such as "SGD(alpha=0.1, batch_fraction=0.5)".

    Rules and potentials by name, numbers, and `.approximation()`; nothing else is evaluated.
    """
    wanted = 'dynamics must be a rule as in Python, e.g. "PairwiseBRO(eps=0.01)"'
    try:
        if len(text) > _LONGEST:
            raise SyntaxError
        found = _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, LookupError):
        raise ValueError(f"{wanted}; got {text[:200]!r}") from None
    if not isinstance(found, Dynamics):
        raise TypeError(f"{wanted}; got {text!r}")
    return found


def _value(node):
    if not isinstance(node, ast.Call):
        try:
            return ast.literal_eval(node)
        except ValueError:
            raise SyntaxError from None
    if isinstance(node.func, ast.Attribute):
        if node.func.attr != "approximation" or node.args or node.keywords:
            raise SyntaxError
        of = _value(node.func.value)
        if not isinstance(of, Dynamics):
            raise SyntaxError
        return of.approximation()
    if not isinstance(node.func, ast.Name):
        raise SyntaxError
    named = {word.arg: _value(word.value) for word in node.keywords if word.arg is not None}
    return _kinds()[node.func.id](*map(_value, node.args), **named)


def _kinds():
    """Rules and potentials by name."""
    found = {**vars(dynamics), **vars(potentials)}
    bases = (Dynamics, potentials.Potential)
    return {
        name: kind
        for name, kind in found.items()
        if name[0] != "_" and isinstance(kind, type) and issubclass(kind, bases)
    }
