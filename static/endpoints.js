// The endpoint pages: a slug that follows the name, choosing models, ordering fallbacks, and drafts that survive.
(() => {
  const find = (selector, within = document) => within.querySelector(selector);
  const findAll = (selector, within = document) => [...within.querySelectorAll(selector)];
  const tell = (input) => input.dispatchEvent(new Event("input", { bubbles: true }));

  // Slug
  const slugify = (name) => name.toLowerCase().normalize("NFKD").replace(/[\u0300-\u036f]/g, "").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 64).replace(/-+$/, "");

  function followName(slug) {
    const name = find(`#${slug.dataset.slugOf}`);
    let follows = slug.value === "" || slug.value === slugify(name.value);
    slug.addEventListener("input", () => { follows = slug.value === ""; });
    name.addEventListener("input", () => {
      if (!follows) return;
      slug.value = slugify(name.value);
    });
  }

  // Models: facts under each field, what the choice means for the settings
  const dialog = find("#models");
  const rowOf = (id) => findAll("[data-pick]", dialog).find((row) => row.dataset.pick === id);

  function showFacts(input) {
    const id = input.value.trim();
    const line = find(`[data-facts-of="${input.id}"]`);
    if (line) line.textContent = id && id.includes("/") ? (rowOf(id)?.dataset.facts ?? dialog.dataset.unknown) : "";
    if (input.name === "model") showSampling(id);
  }

  function showSampling(id) {
    const note = find("[data-sampling-note]");
    if (!note) return;
    const refuses = rowOf(id)?.hasAttribute("data-no-sampling") ?? false;
    const fallbacks = findAll('[name="failover"]').map((input) => input.value.trim()).filter(Boolean);
    const others = fallbacks.some((other) => !rowOf(other)?.hasAttribute("data-no-sampling"));
    note.hidden = !refuses;
    for (const field of findAll("[data-sampling]")) field.hidden = refuses && !others && !field.querySelector("input").value;
  }

  // Choosing from the list
  let wanted = null;

  function browse(input) {
    wanted = input;
    const search = find("#models-search");
    search.value = "";
    narrow("");
    for (const row of findAll("[data-pick]", dialog)) row.setAttribute("aria-pressed", String(row.dataset.pick === input.value.trim()));
    dialog.showModal();
    search.focus();
    find('[aria-pressed="true"]', dialog)?.scrollIntoView({ block: "center" });
  }

  function narrow(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of findAll("[data-pick]", dialog)) row.parentElement.hidden = !words.every((word) => row.dataset.find.includes(word));
    for (const shelf of findAll("[data-shelf]", dialog)) shelf.hidden = words.length > 0 && !find("li:not([hidden])", shelf);
    find("[data-no-match]", dialog).hidden = findAll("[data-shelf]:not([hidden])", dialog).length > 0;
  }

  function pick(row) {
    wanted.value = row.dataset.pick;
    tell(wanted);
    dialog.close();
    wanted.focus();
  }

  // Fallbacks: the rows stay, their values move; `data-rows` is how many are always shown
  function rowsOf(list) {
    return findAll("[data-row]", list);
  }

  const inputOf = (row) => find("[data-model]", row);

  function showRows(list, atLeast = 0) {
    const rows = rowsOf(list);
    const last = rows.findLastIndex((row) => inputOf(row).value.trim());
    const shown = Math.max(last + 1, atLeast, Number(list.dataset.rows));
    for (const [index, row] of rows.entries()) row.hidden = index >= shown;
    find("[data-add]", list).hidden = shown >= rows.length;
  }

  function swap(list, row, by) {
    const rows = rowsOf(list);
    const other = rows[rows.indexOf(row) + by];
    if (!other || other.hidden) return;
    const [here, there] = [inputOf(row), inputOf(other)];
    [here.value, there.value] = [there.value, here.value];
    tell(here);
    tell(there);
    find(`[data-move="${by}"]`, other).focus();
  }

  function remove(list, row) {
    const rows = rowsOf(list);
    const shown = rows.filter((one) => !one.hidden).length;
    const values = rows.filter((one) => one !== row).map((one) => inputOf(one).value);
    rows.forEach((one, index) => { inputOf(one).value = values[index] ?? ""; });
    rows.forEach((one) => tell(inputOf(one)));
    showRows(list, shown - 1);
    find("[data-add]", list).focus();
  }

  function add(list) {
    const shown = rowsOf(list).filter((row) => !row.hidden).length;
    showRows(list, shown + 1);
    inputOf(rowsOf(list)[shown])?.focus();
  }

  // Drafts: what was typed and not saved, kept for this tab until it is
  const prefix = "sluice-draft-";
  const unsent = new Set(["csrf_token", "base"]);
  const read = (key) => { try { return JSON.parse(sessionStorage.getItem(key)); } catch { return null; } };
  const valuesOf = (form) => JSON.stringify([...new FormData(form)].filter(([name]) => !unsent.has(name)));

  function write(key, value) {
    try { sessionStorage.setItem(key, JSON.stringify(value)); } catch { /* then it lasts for this page only */ }
  }

  function fill(form, entries) {
    for (const input of form.elements) {
      if (!input.name || unsent.has(input.name) || input.type === "submit") continue;
      if (["checkbox", "radio"].includes(input.type)) input.checked = entries.some(([name, value]) => name === input.name && value === input.value);
      else input.value = entries[entries.findIndex(([name]) => name === input.name)]?.[1] ?? "";
      const used = entries.findIndex(([name]) => name === input.name);
      if (used >= 0 && !["checkbox", "radio"].includes(input.type)) entries.splice(used, 1);
    }
  }

  function keepDraft(form) {
    const key = prefix + form.dataset.draft;
    const given = valuesOf(form);
    const draft = read(key);
    if ("draftTyped" in form.dataset) write(key, { values: given });
    else if (draft && draft.values !== given) {
      fill(form, JSON.parse(draft.values));
      const notice = find("[data-draft-notice]", form);
      if (notice) notice.hidden = false;
    }
    form.addEventListener("input", () => write(key, { values: valuesOf(form) }));
    if (form.hasAttribute("data-try")) return;
    form.addEventListener("submit", () => write(key, { values: valuesOf(form), sent: true }));
    find("[data-draft-discard]", form)?.addEventListener("click", () => {
      sessionStorage.removeItem(key);
      location.reload();
    });
  }

  function forgetSaved() {
    for (const key of Object.keys(sessionStorage)) {
      if (key.startsWith(prefix) && read(key)?.sent) sessionStorage.removeItem(key);
    }
  }

  // Wiring
  const clicks = {
    "[data-browse]": (button) => browse(document.getElementById(button.dataset.browse)),
    "[data-pick]": pick,
    "[data-move]": (button) => swap(button.closest("[data-rows]"), button.closest("[data-row]"), Number(button.dataset.move)),
    "[data-remove]": (button) => remove(button.closest("[data-rows]"), button.closest("[data-row]")),
    "[data-add]": (button) => add(button.closest("[data-rows]")),
  };

  document.addEventListener("click", (event) => {
    for (const [selector, act] of Object.entries(clicks)) {
      const element = event.target.closest(selector);
      if (element) act(element);
    }
  });

  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-model]")) showFacts(event.target);
    if (event.target.matches('[name="failover"]')) showSampling(find('[name="model"]').value.trim());
    if (event.target.id === "models-search") narrow(event.target.value);
  });

  find("#models-search")?.addEventListener("keydown", (event) => {
    const first = find("[data-shelf]:not([hidden]) li:not([hidden]) [data-pick]", dialog);
    if (event.key === "Enter" && first) { event.preventDefault(); pick(first); }
    if (event.key === "ArrowDown" && first) { event.preventDefault(); first.focus(); }
  });

  for (const tab of findAll(".tabs [aria-current], .settings-nav [aria-current]")) tab.scrollIntoView({ block: "nearest", inline: "center" });
  if (find("[data-draft-saved]")) forgetSaved();
  for (const form of findAll("form[data-draft]")) keepDraft(form);
  for (const slug of findAll("[data-slug-of]")) followName(slug);
  for (const input of findAll("[data-model]")) showFacts(input);
  for (const list of findAll("[data-rows]")) showRows(list);
})();
