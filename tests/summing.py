"""What an exact sum of a run comes to, in fractions: the specification of `mpack._kernels.sums`."""

from fractions import Fraction

CUT, APART = Fraction(1, 2**56), Fraction(1, 2**28)


def summed(terms):
    """The sum of doubles: each cut to units of 2**-56, or exactly where that would lose more than a share of 2**-28."""
    terms = [Fraction(float(term)) for term in terms]
    usual = sum((int(term / CUT) * CUT for term in terms if abs(term) < 2**124), Fraction())
    whole = sum(terms, Fraction())
    large = any(abs(term) >= 2**124 for term in terms)
    kept = not large and abs(whole - usual) <= APART * abs(usual)
    return float(usual if kept else whole)
