// The shared test form: the key stays in a variable of this page; all texts are put in as text, never as HTML.
(() => {
  const main = document.querySelector("[data-base]");
  const texts = main.dataset;
  const find = (selector, within = main) => within.querySelector(selector);
  let key = "";
  let about = null;
  let session = "";
  let running = null;

  class Failure extends Error {}

  function show(place, message) {
    place.hidden = !message;
    place.querySelector("span").textContent = message;
  }

  async function ask(path, options = {}) {
    const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
    try {
      return await fetch(`${texts.base}/${path}`, { ...options, headers, credentials: "omit", cache: "no-store" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Failure(texts.unreachable);
    }
  }

  async function reasonOf(response) {
    const body = await response.json().catch(() => null);
    const fields = body?.errors ? Object.values(body.errors) : [];
    return fields.length ? fields.join(" ") : body?.error || texts.failed;
  }

  // The gate
  async function open(event) {
    event.preventDefault();
    const input = find("#key");
    key = input.value.trim();
    show(find("[data-gate-error]"), "");
    try {
      const response = await ask(`endpoints/${texts.slug}`);
      if ([401, 403].includes(response.status)) throw new Failure(texts.refused);
      if (response.status === 404) throw new Failure(texts.missing);
      if (!response.ok) throw new Failure(await reasonOf(response));
      about = (await response.json()).endpoint;
    } catch (error) {
      key = "";
      show(find("[data-gate-error]"), error instanceof Failure ? error.message : texts.failed);
      input.focus();
      return;
    }
    input.value = "";
    enter();
  }

  function enter() {
    find("[data-name]").textContent = about.name;
    find("[data-description]").textContent = about.description || "";
    document.title = about.name;
    find("[data-variables]").replaceChildren(...about.form.fields.map(fieldOf));
    find("#message").closest(".field").hidden = !about.form.takes_text;
    find("#message").required = about.form.takes_text;
    find("[data-gate]").hidden = true;
    find("[data-room]").hidden = false;
    find("[data-name]").focus();
  }

  // A field for each variable
  const make = (name, properties = {}) => Object.assign(document.createElement(name), properties);

  function controlOf(variable) {
    const id = `v-${variable.name}`;
    const shared = { id, required: Boolean(variable.required) && variable.type !== "bool", className: "input" };
    if (variable.type === "text") return make("textarea", { ...shared, rows: 4, value: variable.default ?? "" });
    if (variable.type === "bool") return make("input", { id, type: "checkbox", checked: variable.default === true });
    if (variable.type === "enum") {
      const select = make("select", shared);
      select.append(make("option", { value: "", textContent: texts.choose }));
      select.append(...variable.options.map((value) => make("option", { value, textContent: value })));
      select.value = variable.default ?? "";
      return select;
    }
    const types = { int: "number", float: "number", date: "date" };
    const input = make("input", { ...shared, type: types[variable.type] ?? "text", value: variable.default ?? "" });
    if (variable.type === "float") input.step = "any";
    for (const bound of ["min", "max"]) if (variable[bound] !== undefined) input[bound] = variable[bound];
    if (variable.max_length) input.maxLength = variable.max_length;
    return input;
  }

  function fieldOf(variable) {
    const field = make("div", { className: "field" });
    const control = controlOf(variable);
    const plain = variable.name.replaceAll("_", " ");
    const words = variable.label || plain[0].toUpperCase() + plain.slice(1);
    const label = make("label", { htmlFor: control.id, textContent: words });
    if (variable.type === "bool") {
      label.className = "choice";
      label.replaceChildren(control, make("span", { textContent: words }));
      field.append(label);
    } else {
      if (!variable.required) label.append(" ", make("span", { className: "muted small", textContent: `(${texts.optional})` }));
      field.append(label, control);
    }
    if (variable.help) {
      const hint = make("p", { className: "hint", id: `${control.id}-hint`, textContent: variable.help });
      control.setAttribute("aria-describedby", hint.id);
      field.append(hint);
    }
    return field;
  }

  function valueOf(variable) {
    const control = document.getElementById(`v-${variable.name}`);
    if (variable.type === "bool") return control.checked;
    if (control.value === "") return undefined;
    return ["int", "float"].includes(variable.type) ? Number(control.value) : control.value;
  }

  function bodyOf() {
    const { fields, place, takes_text: takesText } = about.form;
    const body = { ...(takesText && { message: find("#message").value }), stream: about.streaming_enabled };
    const given = fields.map((field) => [field.name, valueOf(field)]).filter(([, value]) => value !== undefined);
    if (fields.length) body[place] = Object.fromEntries(given);
    if (session) body.session_id = session;
    return body;
  }

  // What was said, in a line
  function saidIn({ message, variables }) {
    const parts = typeof message === "string" ? [message] : Object.values(message ?? variables ?? {});
    return parts.join(" · ");
  }

  // Answers
  async function readStream(response, view) {
    let finished = false;
    for await (const { data, isError } of window.serverSentEvents(response.body)) {
      if (data === "[DONE]") finished = true;
      if (!data || data === "[DONE]") continue;
      const chunk = JSON.parse(data);
      if (isError || chunk.ok === false) throw new Failure(chunk.error || texts.failed);
      view.append(chunk.choices?.[0]?.delta?.content ?? "");
      if (chunk.usage) view.used(chunk.usage);
    }
    if (!finished) throw new Failure(texts.cut);
  }

  function viewOf(asked) {
    const card = find("[data-answer-template]").content.cloneNode(true);
    const [said, text, usage] = ["[data-asked]", "[data-text]", "[data-usage]"].map((name) => card.querySelector(name));
    said.textContent = asked;
    find("[data-answers]").prepend(card);
    return {
      append: (piece) => { text.append(piece); if (piece) find("[data-state]").textContent = texts.answering; },
      used: (counts) => { usage.textContent = `${counts.total_tokens.toLocaleString()} ${texts.tokens}`; },
      drop: () => { if (!text.textContent) text.closest(".card").remove(); },
    };
  }

  function busy(is) {
    find("[data-send]").disabled = is;
    find("[data-stop]").hidden = !is;
    if (is) find("[data-state]").textContent = texts.waiting;
  }

  async function send(event) {
    event.preventDefault();
    if (running) return;
    const body = bodyOf();
    const view = viewOf(saidIn(body));
    running = new AbortController();
    show(find("[data-error]"), "");
    busy(true);
    try {
      const response = await ask(texts.slug, { method: "POST", body: JSON.stringify(body), signal: running.signal });
      if (!response.ok) throw new Failure(await reasonOf(response));
      remember(response.headers.get("x-sluice-session-id"));
      if (response.headers.get("content-type")?.startsWith("text/event-stream")) await readStream(response, view);
      else {
        const answer = await response.json();
        view.append(answer.content);
        view.used(answer.usage);
        remember(answer.meta?.session_id);
      }
      find("[data-state]").textContent = texts.finished;
    } catch (error) {
      find("[data-state]").textContent = "";
      if (error.name !== "AbortError") show(find("[data-error]"), error instanceof Failure ? error.message : texts.failed);
      view.drop();
    } finally {
      running = null;
      busy(false);
    }
  }

  function remember(id) {
    if (!id || !about.session) return;
    session = id;
    find("[data-anew]").hidden = false;
  }

  find("[data-key-form]").addEventListener("submit", open);
  find("[data-ask-form]").addEventListener("submit", send);
  find("[data-stop]").addEventListener("click", () => running?.abort());
  find("[data-anew]").addEventListener("click", (event) => {
    session = "";
    find("[data-answers]").replaceChildren();
    event.currentTarget.hidden = true;
    find("[data-ask-form] :is(input, textarea, select)").focus();
  });
})();
