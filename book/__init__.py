"""The book's own machinery: parameters, claims and figures of chapters, the runs behind them, and how it is built.

It imports the library, `mpack`, and is never imported by it. A chapter needs three modules:

    chapters     checked parameters, recorded numbers, claims with computed verdicts, figures for the page
    campaigns    the long runs behind the figures: what they are, and their archives
    reruns       where a chapter's runs come from: the archive, or all of them done again

and five have modules of their own: `calibration`, `studies`, `walks`, `contacts`, `loopless`.
What `make` calls is in `_tools`.
"""

from pathlib import Path

RESULTS = Path(__file__).parent / "results"  # the archives, a folder each
