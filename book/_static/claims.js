// The page of all claims filters its rows. (That a link opens what its target is folded into is jump.js.)
// Works from a file, without a server.

/** The choice made in the form, from what the address asks for at first: ?verdict=differs. */
function choose(form) {
  const asked = new URLSearchParams(location.search);
  const button = form.querySelector(`input[value="${CSS.escape(asked.get("verdict") ?? "all")}"]`);
  if (button) button.checked = true;
  if (asked.has("chapter")) form.elements.chapter.value = asked.get("chapter");
}

/** Show the rows that are chosen, the chapters that have some, and how many there are. */
function filter(form) {
  const verdict = form.elements.verdict.value, chapter = form.elements.chapter.value;
  const words = form.elements.words.value.toLowerCase().split(/\s+/).filter(Boolean);
  let left = 0;
  for (const table of document.querySelectorAll("table.mpack-claims")) {
    let inTable = 0;
    for (const body of table.tBodies) {
      let inBody = 0;
      for (const row of body.querySelectorAll("tr[data-verdict]")) {
        const control = row.dataset.control === "1", text = row.textContent.toLowerCase();
        const kind = verdict === "all" || (control ? verdict === "control" : verdict === row.dataset.verdict);
        row.hidden = !(kind && (!chapter || body.dataset.chapter === chapter) && words.every(word => text.includes(word)));
        inBody += !row.hidden;
      }
      body.hidden = !inBody;
      inTable += inBody;
    }
    table.hidden = !inTable;
    left += inTable;
  }
  document.querySelector(".mpack-none").hidden = left > 0;
  form.querySelector("output").value = `${left} shown`;
}

/** Start, where there is a filter. */
function start() {
  const form = document.querySelector("form.mpack-filter");
  if (!form) return;
  form.hidden = false;
  form.addEventListener("input", () => filter(form));
  form.addEventListener("submit", event => event.preventDefault());
  choose(form);
  filter(form);
}

if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
else start();
