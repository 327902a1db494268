// What the dashboard does in the browser besides HTMX: theme, menu, copying, confirming, messages.
// Everything is delegated from the document, so that parts swapped in later work too.
(() => {
  const root = document.documentElement;
  const texts = document.getElementById("texts")?.dataset ?? {};
  const find = (selector, within = document) => within.querySelector(selector);
  const findAll = (selector, within = document) => within.querySelectorAll(selector);

  // Theme
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches);

  function showTheme() {
    for (const button of findAll("[data-theme-toggle]")) button.setAttribute("aria-pressed", String(isDark()));
  }

  function toggleTheme() {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("sluice-theme", root.dataset.theme); } catch { /* lasts for this page only */ }
    showTheme();
  }

  // Menu of narrow screens
  function openMenu(open) {
    const button = find("[data-menu]");
    if (!button) return;
    const wasOpen = root.classList.toggle("menu-open", open);
    button.setAttribute("aria-expanded", String(wasOpen));
    find("#main")?.toggleAttribute("inert", open);
    (open ? find("#sidebar a, #sidebar button") : button).focus();
  }

  // Messages
  function flash(message, category = "error") {
    const region = document.getElementById("flashes");
    if ([...findAll("[data-flash] p", region)].some((shown) => shown.textContent === message)) return;
    const item = document.getElementById("flash-template").content.firstElementChild.cloneNode(true);
    item.classList.replace("flash-error", `flash-${category}`);
    find("p", item).textContent = message;
    region.append(item);
    watchFlash(item);
  }

  function watchFlash(item) {
    if (item.dataset.watched) return;
    item.dataset.watched = "1";
    const stays = item.classList.contains("flash-error") || item.classList.contains("flash-warning");
    let timer;
    const start = () => { timer = setTimeout(() => item.remove(), stays ? 15000 : 6000); };
    const pause = () => clearTimeout(timer);
    for (const name of ["mouseenter", "focusin"]) item.addEventListener(name, pause);
    for (const name of ["mouseleave", "focusout"]) item.addEventListener(name, start);
    start();
  }

  // Copying
  async function copy(button) {
    const target = button.dataset.copy && find(button.dataset.copy);
    const text = target ? (target.value ?? target.textContent) : button.dataset.copyText;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      copyBySelection(text);
    }
    const label = find("span", button);
    button.dataset.label ??= label.textContent;
    label.textContent = texts.copied;
    button.classList.add("is-copied");
    announce(texts.copied);
    setTimeout(() => {
      label.textContent = button.dataset.label;
      button.classList.remove("is-copied");
    }, 2000);
  }

  function copyBySelection(text) { // the clipboard API needs HTTPS or localhost
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "visually-hidden";
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }

  function announce(text) {
    const line = document.createElement("p");
    line.className = "visually-hidden";
    line.textContent = text;
    document.getElementById("flashes").append(line);
    setTimeout(() => line.remove(), 2000);
  }

  // Confirming
  function ask(question, yes) {
    const dialog = document.getElementById("confirm");
    find("#confirm-question", dialog).textContent = question;
    find("[data-confirm-yes]", dialog).textContent = yes || texts.continue;
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    });
  }

  // A question may name a field: {usd} stands for what was typed there
  const filled = (question, form) => question.replace(/\{(\w+)\}/g, (all, name) => form.elements[name]?.value.trim() ?? all);

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    const source = event.submitter?.dataset.confirm ? event.submitter : form;
    if (!source.dataset.confirm || form.dataset.confirmed) {
      delete form.dataset.confirmed;
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
    if (!(await ask(filled(source.dataset.confirm, form), source.dataset.confirmLabel))) return;
    form.dataset.confirmed = "1";
    form.requestSubmit(event.submitter);
  }, true);

  document.addEventListener("htmx:confirm", (event) => {
    if (!event.detail.question) return;
    event.preventDefault();
    ask(event.detail.question, event.target.dataset.confirmLabel).then((yes) => yes && event.detail.issueRequest(true));
  });

  // Clicks
  function reveal(button) {
    const input = document.getElementById(button.dataset.reveal);
    const shown = input.type === "password";
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    find("span", button).textContent = shown ? texts.hide : texts.show;
  }

  const actions = {
    "[data-theme-toggle]": toggleTheme,
    "[data-menu]": () => openMenu(!root.classList.contains("menu-open")),
    "[data-menu-close]": () => openMenu(false),
    "[data-dismiss]": (button) => button.closest("[data-flash]").remove(),
    "[data-copy], [data-copy-text]": copy,
    "[data-reveal]": reveal,
    "[data-dialog]": (button) => document.getElementById(button.dataset.dialog)?.showModal(),
    "[data-close]": (button) => button.closest("dialog").close(),
  };

  document.addEventListener("click", (event) => {
    for (const popup of findAll("details[data-popup][open]")) if (!popup.contains(event.target)) popup.open = false;
    for (const [selector, act] of Object.entries(actions)) {
      const element = event.target.closest(selector);
      if (element) act(element);
    }
    if (event.target instanceof HTMLDialogElement && !event.target.id.startsWith("confirm")) event.target.close();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const popup of findAll("details[data-popup][open]")) {
      popup.open = false;
      find("summary", popup).focus();
    }
    if (root.classList.contains("menu-open")) openMenu(false);
  });

  // Times: "3 minutes ago"
  const steps = [["day", 86400], ["hour", 3600], ["minute", 60]];
  const relative = new Intl.RelativeTimeFormat(root.lang || "en", { numeric: "auto" });

  function tellTime(element) {
    const seconds = (new Date(element.dateTime) - Date.now()) / 1000;
    if (Math.abs(seconds) > 7 * 86400) return;
    const [unit, size] = steps.find(([, size]) => Math.abs(seconds) >= size) ?? ["second", 1];
    element.textContent = relative.format(Math.round(seconds / size), unit);
  }

  // HTMX: failures in plain words
  function explain(status) {
    return { 401: texts.signedOut, 403: texts.forbidden, 404: texts.missing, 429: texts.tooMany }[status] ?? texts.failed;
  }

  // What asks again and again rests while nobody looks
  document.addEventListener("htmx:beforeRequest", (event) => {
    const repeats = event.target.getAttribute?.("hx-trigger")?.startsWith("every ");
    if (repeats && document.hidden) event.preventDefault();
  });

  document.addEventListener("htmx:responseError", (event) => flash(explain(event.detail.xhr.status)));
  document.addEventListener("htmx:sendError", () => flash(texts.unreachable));
  document.addEventListener("htmx:timeout", () => flash(texts.unreachable));

  function refresh() {
    for (const item of findAll("[data-flash]")) watchFlash(item);
    for (const element of findAll("time[data-relative]")) tellTime(element);
  }

  // What the browser refuses may stand in something folded, which it could not show
  document.addEventListener("invalid", (event) => {
    for (let fold = event.target.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  }, true);

  // A summary of errors names each field by its label; a part of a field leads to the field
  for (const link of findAll('[data-focus] a[href^="#f-"]')) {
    let id = decodeURIComponent(link.hash.slice(1));
    while (!document.getElementById(id) && id.includes(".")) id = id.slice(0, id.lastIndexOf("."));
    if (document.getElementById(id)) link.hash = id;
    const label = find(`label[for="${CSS.escape(id)}"], #${CSS.escape(id)} > legend`)?.firstChild.textContent.trim();
    if (label) link.prepend(`${label}: `);
  }

  document.addEventListener("htmx:load", refresh);
  systemDark.addEventListener("change", showTheme);
  setInterval(refresh, 30000);
  refresh();
  showTheme();
  find("[data-focus]")?.focus();
  window.sluice = { texts, explain };
})();
