// The playground: sends form[data-playground] to one model or several, each in a column, and shows the answers as
// they stream in. The conversation lives in this page alone. Text only, never HTML.
(() => {
  const form = document.querySelector("form[data-playground]");
  if (!form) return;
  const { texts, explain, Failure, NO_ID, post, readStream, streams } = window.sluice;
  const MOST_LANES = 4;
  const find = (selector, within = form) => within.querySelector(selector);
  const lanes = [];
  let abort = null;
  let language = "curl";

  // Columns
  function addLane(model) {
    if (lanes.length >= MOST_LANES) return;
    const node = find("[data-lane-template]").content.firstElementChild.cloneNode(true);
    const lane = { node, messages: [], model: find("[data-model]", node), log: find("[data-log]", node) };
    lane.model.value = lane.chosen = model;
    lanes.push(lane);
    find("[data-lanes]").append(node);
    find("[data-remove]", node).addEventListener("click", () => removeLane(lane));
    watchModel(lane);
    showLanes();
    return lane;
  }

  // A list of suggestions shows only what fits the text, so the text steps aside while a model is looked for.
  function watchModel(lane) {
    const { model } = lane;
    model.addEventListener("focus", () => { model.placeholder = lane.chosen || model.placeholder; model.value = ""; });
    model.addEventListener("blur", () => { model.value ||= lane.chosen; });
    model.addEventListener("input", () => {
      lane.chosen = model.value.trim() || lane.chosen;
      model.setCustomValidity("");
      showCode();
    });
  }

  function removeLane(lane) {
    lane.node.remove();
    lanes.splice(lanes.indexOf(lane), 1);
    showLanes();
    lanes[0].model.focus();
  }

  function showLanes() {
    find("[data-lanes]").dataset.count = lanes.length;
    find("[data-add]").disabled = lanes.length >= MOST_LANES;
    for (const lane of lanes) find("[data-remove]", lane.node).hidden = lanes.length === 1;
    showCode();
  }

  // What is sent
  const number = (name) => (form.elements[name].value === "" ? undefined : Number(form.elements[name].value));

  function bodyOf(lane, messages) {
    const system = form.elements.system.value.trim();
    const json = form.elements.json.checked;
    const plugins = [...form.querySelectorAll("input[name=plugins]:checked")].map((box) => box.value);
    return {
      model: lane.chosen,
      messages: [...(system ? [{ role: "system", content: system }] : []), ...messages],
      temperature: number("temperature"),
      max_tokens: number("max_tokens"),
      response_format: json ? { type: "json_object" } : undefined,
      plugins: plugins.length ? plugins : undefined,
      user: (plugins.includes("memory") && form.elements.user.value.trim()) || undefined,
      stream: !json,
    };
  }

  async function ask(lane, text, signal) {
    const view = viewOf(lane, text);
    const sent = [...lane.messages, { role: "user", content: text }];
    try {
      const response = await post(form.action, bodyOf(lane, sent), signal, view.receipt);
      if (streams(response)) {
        await readStream(response, view);
      } else {
        const answer = await response.json();
        view.append(answer.choices?.[0]?.message?.content ?? "");
        view.note(answer);
      }
      view.cached(response.headers.get("x-cache") === "hit");
      lane.messages = [...sent, { role: "assistant", content: view.text() }];
      return true;
    } catch (error) {
      if (!signal.aborted) view.fail(error instanceof Failure ? error.message : texts.unreachable || explain(0));
      return false;
    } finally {
      view.end(signal.aborted);
    }
  }

  // What the person sees
  function element(tag, className, text = "") {
    const node = document.createElement(tag);
    node.className = className;
    node.textContent = text;
    return node;
  }

  function viewOf(lane, question) {
    const started = performance.now();
    find("[data-empty]", lane.node)?.remove();
    const output = element("div", "lane-answer");
    const facts = element("p", "lane-facts muted small");
    const told = { time: "", who: "", tokens: "", cost: "", extra: "" };
    const link = element("a", "", form.dataset.receiptLabel);
    let following = true;
    let failed = false;
    output.setAttribute("aria-busy", "true");
    const mine = element("div", "lane-question", question);
    lane.log.append(mine, output, facts);
    lane.log.scrollTop = lane.log.scrollHeight;

    function show() {
      facts.textContent = Object.values(told).filter(Boolean).join(" · ");
      if (link.href) facts.append(facts.textContent ? " · " : "", link);
    }

    return {
      text: () => output.textContent,
      append(text) {
        if (!text) return;
        following = lane.log.scrollHeight - lane.log.scrollTop - lane.log.clientHeight < 60;
        output.append(text);
        if (following) lane.log.scrollTop = lane.log.scrollHeight;
      },
      note(chunk) {
        const { usage, sluice, model } = chunk;
        if (model && model !== lane.chosen) told.who = model;
        if (usage) told.tokens = form.dataset.tokens.replace("{in}", usage.prompt_tokens).replace("{out}", usage.completion_tokens);
        if (sluice) told.cost = sluice.cost_usd == null ? form.dataset.unknown : `$${sluice.cost_usd}`;
        const healed = { mended: form.dataset.mended, repaired: form.dataset.repaired, failed: form.dataset.failedJson };
        if (sluice?.healing) told.extra = healed[sluice.healing.outcome] ?? "";
        show();
      },
      cached(hit) { if (hit) { told.extra = form.dataset.cached; show(); } },
      receipt(id) { if (id) { link.href = form.dataset.receipt.replace(NO_ID, id); show(); } },
      fail(message) {
        failed = true;
        const note = element("p", "lane-error", message);
        note.setAttribute("role", "alert");
        output.after(note);
      },
      end(stopped) {
        output.removeAttribute("aria-busy");
        if (stopped) told.extra = texts.stopped;
        else if (!output.textContent && !failed) output.append(form.dataset.nothing);
        if (!output.textContent) output.remove();
        const took = performance.now() - started;
        told.time = took < 1000 ? `${Math.round(took)} ms` : `${(took / 1000).toFixed(1)} s`;
        show();
        if (following) lane.log.scrollTop = lane.log.scrollHeight;
      },
    };
  }

  async function send() {
    const missing = lanes.find((lane) => !lane.chosen);
    if (missing) {
      missing.model.setCustomValidity(form.dataset.pick);
      missing.model.reportValidity();
      return;
    }
    const text = form.elements.message.value.trim();
    if (!text || abort) return;
    abort = new AbortController();
    form.elements.message.value = "";
    busy(true);
    const answered = await Promise.all(lanes.map((lane) => ask(lane, text, abort.signal)));
    find("[data-state]").textContent = abort.signal.aborted ? texts.stopped : texts.finished;
    if (!answered.includes(true)) form.elements.message.value ||= text; // nobody took it in: to be sent again
    abort = null;
    busy(false);
    form.elements.message.focus();
  }

  function busy(is) {
    find("[data-send]").disabled = is;
    find("[data-stop]").hidden = !is;
    for (const name of ["add", "clear"]) find(`[data-${name}]`).disabled = is || (name === "add" && lanes.length >= MOST_LANES);
    for (const lane of lanes) find("[data-remove]", lane.node).disabled = is;
    if (is) find("[data-state]").textContent = texts.answering;
    showCode();
  }

  function clear() {
    for (const lane of lanes) {
      lane.messages = [];
      const empty = find("[data-lane-template]").content.querySelector("[data-empty]").cloneNode(true);
      lane.log.replaceChildren(empty);
    }
    find("[data-state]").textContent = "";
    form.elements.message.focus();
    showCode();
  }

  // The same as code
  function python(value, indent = "") {
    const inner = `${indent}    `;
    if (value === true) return "True";
    if (value === false) return "False";
    if (value === null) return "None";
    if (Array.isArray(value)) return `[${value.map((item) => `\n${inner}${python(item, inner)},`).join("")}\n${indent}]`;
    if (typeof value !== "object") return JSON.stringify(value);
    const members = Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${python(item, inner)}`);
    return `{${members.join(", ")}}`;
  }

  function codeOf(body) {
    const url = form.dataset.baseUrl;
    if (language === "curl") {
      const json = JSON.stringify(body, null, 2).replaceAll("'", "'\\''");
      return `curl ${url}/chat/completions \\\n  -H "Authorization: Bearer $SLUICE_KEY" \\\n  -H "Content-Type: application/json" \\\n  -d '${json}'`;
    }
    const own = new Set(["plugins", "compare"]);
    const given = Object.entries(body).filter(([name, value]) => value !== undefined && name !== "stream");
    const plain = given.filter(([name]) => !own.has(name)).map(([name, value]) => `    ${name}=${python(value, "    ")},`);
    const extra = Object.fromEntries(given.filter(([name]) => own.has(name)));
    if (Object.keys(extra).length) plain.push(`    extra_body=${python(extra, "    ")},`);
    return `import os\n\nfrom openai import OpenAI\n\nclient = OpenAI(base_url="${url}", api_key=os.environ["SLUICE_KEY"])\nanswer = client.chat.completions.create(\n${plain.join("\n")}\n)\nfor choice in answer.choices:\n    print(choice.message.content)`;
  }

  function showCode() {
    if (!lanes.length) return;
    const text = form.elements.message.value.trim();
    const said = lanes[0].messages;
    const messages = text || !said.length ? [...said, { role: "user", content: text || "…" }] : said.slice(0, -1);
    const body = bodyOf(lanes[0], messages);
    delete body.stream;
    if (lanes.length > 1) Object.assign(body, { model: "compare", compare: lanes.map((lane) => lane.chosen) });
    document.querySelector("#playground-code code").textContent = codeOf(body);
  }

  form.addEventListener("submit", (event) => { event.preventDefault(); send(); });
  form.addEventListener("input", showCode);
  find("[data-stop]").addEventListener("click", () => abort?.abort());
  find("[data-clear]").addEventListener("click", clear);
  find("[data-add]").addEventListener("click", () => addLane("").model.focus());
  for (const button of form.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => {
      language = button.dataset.language;
      for (const other of form.querySelectorAll("[data-language]")) other.setAttribute("aria-pressed", String(other === button));
      showCode();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") abort?.abort();
    if (event.key === "Enter" && (event.metaKey || event.ctrlKey) && form.contains(event.target)) form.requestSubmit();
  });
  addLane("auto");
})();
