"""Claims in a browser: a link opens the fold, the filter filters, all by keyboard."""


def check_claims(page, name):
    """What holds of the claims of a page that is open; nothing where there are none."""
    if name == "book/claims.html":
        check_glance(page)
        check_filter(page)
    elif page.locator(".mpack-claims-fold").count():
        check_folds(page)


def check_folds(page):
    """Each fold is one line high, and a link to a claim inside opens it and goes there."""
    heights = page.evaluate("""() => [...document.querySelectorAll('.mpack-claims-fold > summary')]
        .filter(line => line.offsetParent).map(line => line.offsetHeight)""")
    assert all(height < 40 for height in heights), heights
    close = "for (const fold of document.querySelectorAll('.mpack-claims-fold')) fold.open = false;"
    page.evaluate(close)
    last = page.locator(".mpack-claims-fold .mpack-claim").last
    page.evaluate("id => { location.hash = id; }", last.get_attribute("id"))
    page.wait_for_function("document.querySelector('.mpack-claims-fold[open] .mpack-claim:target')")
    page.wait_for_function("""() => { const { top } = document.querySelector(':target').getBoundingClientRect();
        return top >= 0 && top < innerHeight; }""")  # it may glide there
    assert page.locator(".mpack-claims-fold[open]").count() == 1
    page.evaluate("() => { history.replaceState(null, '', location.pathname); scrollTo(0, 0); }")
    page.evaluate(close)


def check_glance(page):
    """Every statement has a mark, all of them on the first screen, and each leads to its row."""
    marks = page.locator(".mpack-glance .mpack-mark")
    led = [mark.get_attribute("href").removeprefix("#") for mark in marks.all()]
    rows = page.evaluate(
        "() => [...document.querySelectorAll('[id^=statement-]')].map(row => row.id)"
    )
    assert sorted(led) == sorted(rows) and len(led) > 60
    foot = page.evaluate("""() => {
        const { bottom } = document.querySelector('.mpack-glance').getBoundingClientRect();
        return bottom + scrollY; }""")
    assert foot < 800, foot


def check_filter(page):
    """One click finds what differs and what is undecided; keys and words do, too."""
    rows = "table.mpack-claims tr[data-verdict]:not([hidden])"
    every = page.locator(rows).count()
    counts = {}
    for verdict in ("agrees", "undecided", "differs", "control"):
        page.locator(f".mpack-filter input[value={verdict}]").check()
        counts[verdict] = page.locator(rows).count()
        assert page.locator(".mpack-filter output").inner_text() == f"{counts[verdict]} shown"
    assert sum(counts.values()) == every and min(counts.values()) > 0
    page.locator(".mpack-filter input[value=control]").focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator(rows).count() == counts["differs"]
    page.locator(".mpack-filter input[value=all]").check()
    page.locator(".mpack-filter select").select_option(index=1)
    assert 0 < page.locator(rows).count() < every
    page.locator(".mpack-filter select").select_option(index=0)
    page.locator(".mpack-filter input[type=search]").fill("no such words in any claim")
    assert page.locator(rows).count() == 0 and page.locator(".mpack-none").is_visible()
    page.locator(".mpack-filter input[type=search]").fill("")
    assert page.locator(rows).count() == every
    tall = page.evaluate("""() => [...document.querySelectorAll('table.mpack-claims .mpack-number')]
        .filter(number => number.offsetHeight > 24).map(number => number.innerText)""")
    assert tall == [], tall  # a number with its error stands in one line
