// Routing rules: rows that are moved, removed and added; a sentence shows only the fields that it needs.
(() => {
  const list = document.querySelector("[data-rules]");
  const add = document.querySelector("[data-rule-add]");
  if (!list) return;
  const rows = () => [...list.querySelectorAll("[data-rule]")];
  const clauses = (row) => [...row.querySelectorAll("[data-clause]")];
  const isBlank = (row) => [...row.querySelectorAll("input:not([data-place]), [data-fact]")].every((field) => !field.value);
  let shown = Math.max(1, rows().findLastIndex((row) => !isBlank(row)) + 1);

  function showClauses(row) {
    let free = true;
    for (const clause of clauses(row)) {
      const fact = clause.querySelector("[data-fact]").value;
      clause.hidden = !fact && !free;
      if (!fact) free = false;
      const compares = fact !== "" && !fact.includes(":");
      for (const field of clause.querySelectorAll("[data-operator], [data-value]")) field.hidden = !compares;
    }
  }

  function show() {
    for (const [index, row] of rows().entries()) {
      row.hidden = index >= shown;
      row.querySelector("[data-number]").textContent = index + 1;
      row.querySelector("[data-place]").value = index + 1;
      showClauses(row);
    }
    add.hidden = shown >= 20;
  }

  function grow() {
    const copy = rows().at(-1).cloneNode(true);
    const number = rows().length + 1;
    for (const part of copy.querySelectorAll("[id], [for], [aria-labelledby], [data-browse], [data-facts-of]")) {
      for (const name of ["id", "for", "aria-labelledby", "data-browse", "data-facts-of"]) {
        const value = part.getAttribute(name);
        if (value) part.setAttribute(name, value.replace(/^rule-\d+/, `rule-${number}`));
      }
    }
    for (const field of copy.querySelectorAll("input, select")) field.value = field.matches("[data-operator]") ? "gt" : "";
    for (const error of copy.querySelectorAll(".field-error")) error.remove();
    list.append(copy);
  }

  function move(row, by) {
    const other = rows()[rows().indexOf(row) + by];
    if (!other || other.hidden) return;
    if (by < 0) other.before(row); else other.after(row);
    show();
    row.querySelector(`[data-rule-move="${by}"]`).focus();
  }

  function remove(row) {
    if (rows().length > 1) row.remove();
    else for (const field of row.querySelectorAll("input, [data-fact]")) field.value = "";
    shown = Math.max(1, shown - 1);
    show();
    add.focus();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const row = button?.closest("[data-rule]");
    if (!button) return;
    if (button.dataset.ruleMove) move(row, Number(button.dataset.ruleMove));
    else if ("ruleRemove" in button.dataset) remove(row);
    else if (button === add) {
      if (shown >= rows().length) grow();
      shown += 1;
      show();
      rows()[shown - 1].querySelector("[data-fact]").focus();
    }
  });
  list.addEventListener("change", (event) => {
    if (event.target.matches("[data-fact]")) showClauses(event.target.closest("[data-rule]"));
  });
  show();
})();
