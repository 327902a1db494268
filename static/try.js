// "Try it": sends a form[data-try] by fetch and shows the answer as it streams in. Text only, never HTML.
(() => {
  const { texts, explain } = window.sluice;
  const part = (form, name) => form.querySelector(`[data-try-${name}]`);
  const seconds = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`);
  const running = new WeakMap();

  const NO_ID = "00000000-0000-0000-0000-000000000000";
  const WITHOUT_RECEIPT = [400, 401, 403, 404]; // refused before there was a call

  class Failure extends Error {}

  function reasonOf(body, status) {
    const error = body?.error ?? body;
    const words = typeof error === "string" ? error : error?.message;
    return words || explain(status);
  }

  // What was filled in, each value in its type; what was left empty is not sent
  function answers(form) {
    const values = {};
    for (const control of form.querySelectorAll("[data-question]")) {
      const { question, type } = control.dataset;
      if (type === "bool") values[question] = control.checked;
      else if (control.value !== "") values[question] = ["int", "float"].includes(type) ? Number(control.value) : control.value;
    }
    return values;
  }

  function said(form) {
    const text = form.elements.message ? { message: form.elements.message.value } : {};
    return form.dataset.place ? { ...text, [form.dataset.place]: answers(form) } : text;
  }

  const asked = (form) => [...Object.values(answers(form)), form.elements.message?.value ?? ""].filter((text) => text !== "").join(" · ");

  function body(form) {
    const stream = form.elements.stream ? form.elements.stream.checked : true;
    const messages = form.elements.messages?.value;
    if (!messages) return { ...said(form), stream, ...session(form) };
    try {
      return { messages: JSON.parse(messages), stream, ...session(form) };
    } catch (error) {
      throw new Failure(error.message);
    }
  }

  // A conversation that the endpoint remembers: its id is sent with each further turn.
  const session = (form) => (form.dataset.session ? { session_id: form.dataset.session } : {});

  function goOn(form, id) {
    if (!id || !part(form, "log") || !part(form, "output").textContent) return;
    form.dataset.session = id;
    form.dataset.asked = asked(form);
    part(form, "new").hidden = false;
  }

  function keepSaid(form) {
    const log = part(form, "log");
    const output = part(form, "output");
    if (!form.dataset.session || !form.dataset.asked || !output.textContent) return;
    for (const [side, text] of [["caller", form.dataset.asked], ["model", output.textContent]]) {
      const said = document.createElement("div");
      said.className = `said said-${side}`;
      const words = document.createElement("div");
      words.className = side === "caller" ? "lane-question" : "lane-answer";
      words.textContent = text;
      said.append(words);
      log.append(said);
    }
    log.hidden = false;
  }

  function beginAnew(form) {
    delete form.dataset.session;
    delete form.dataset.asked;
    part(form, "log").replaceChildren();
    for (const name of ["log", "new", "answer"]) part(form, name).hidden = true;
    part(form, "state").textContent = "";
    form.querySelector("[name=message], [data-question]").focus();
  }

  async function post(url, body, signal, showReceipt) {
    const token = document.querySelector('meta[name="csrf-token"]').content;
    const response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": token, Accept: "text/event-stream, application/json" },
      body: JSON.stringify(body),
      credentials: "same-origin",
      signal,
    });
    if (response.redirected) throw new Failure(texts.signedOut);
    if (!WITHOUT_RECEIPT.includes(response.status)) showReceipt(response.headers.get("x-sluice-request-id"));
    if (!response.ok) throw new Failure(reasonOf(await response.json().catch(() => null), response.status));
    return response;
  }

  const streams = (response) => Boolean(response.headers.get("content-type")?.startsWith("text/event-stream"));

  function parse({ data, isError }) {
    if (!data || data === "[DONE]") return { finished: data === "[DONE]" };
    let chunk;
    try { chunk = JSON.parse(data); } catch { chunk = { error: data }; }
    if (isError || chunk.error) throw new Failure(reasonOf(chunk, 500));
    return { chunk };
  }

  async function readStream(response, view) {
    let finished = false;
    for await (const said of window.serverSentEvents(response.body)) {
      const event = parse(said);
      finished ||= Boolean(event.finished);
      if (!event.chunk) continue;
      view.append(event.chunk.choices?.[0]?.delta?.content ?? "");
      view.note(event.chunk);
    }
    if (!finished) throw new Failure(texts.cut);
  }

  async function readWhole(response, view) {
    const answer = await response.json();
    if (answer.ok === false || answer.error) throw new Failure(reasonOf(answer, 500));
    view.append(answer.content ?? answer.choices?.[0]?.message?.content ?? "");
    const cost = response.headers.get("x-sluice-cost-usd");
    view.note({ usage: answer.usage, sluice: { cost_usd: cost === "unknown" ? null : cost } });
  }

  Object.assign(window.sluice, { Failure, NO_ID, post, readStream, streams }); // for the playground

  // What the person sees
  function viewOf(form) {
    const started = performance.now();
    const output = part(form, "output");
    const stat = (name, text) => { form.querySelector(`[data-stat="${name}"]`).textContent = text; };
    const state = (text) => { part(form, "state").textContent = text; };
    const error = part(form, "error");
    let first = true;

    function begin() {
      output.textContent = "";
      for (const name of ["first", "total", "input", "output", "cost"]) stat(name, "–");
      for (const name of ["error", "stats", "receipt"]) part(form, name).hidden = true;
      part(form, "answer").hidden = output.hidden = false;
      toggle(true);
      state(texts.waiting);
    }

    function toggle(busy) {
      output.setAttribute("aria-busy", String(busy));
      part(form, "send").disabled = busy;
      part(form, "stop").hidden = !busy;
    }

    function append(text) {
      if (!text) return;
      if (first) {
        first = false;
        stat("first", seconds(performance.now() - started));
        part(form, "stats").hidden = false;
        state(texts.answering);
      }
      const following = output.scrollHeight - output.scrollTop - output.clientHeight < 40;
      output.append(text);
      if (following) output.scrollTop = output.scrollHeight;
    }

    function note({ usage, sluice: extra }) {
      if (usage) {
        stat("input", usage.prompt_tokens ?? usage.input_tokens ?? "–");
        stat("output", usage.completion_tokens ?? usage.output_tokens ?? "–");
      }
      if (extra) stat("cost", extra.cost_usd == null ? form.dataset.unknown : `$${extra.cost_usd}`);
    }

    function showReceipt(id) {
      if (!id || !form.dataset.receipt) return;
      const url = form.dataset.receipt.replace(NO_ID, id);
      const line = part(form, "receipt");
      line.querySelector("a").href = url;
      line.hidden = false;
    }

    function fail(message) {
      output.hidden = output.textContent === "";
      error.querySelector("p").textContent = message;
      error.hidden = false;
    }

    function end(words) {
      toggle(false);
      stat("total", seconds(performance.now() - started));
      part(form, "stats").hidden = false;
      state(words);
    }

    return { begin, append, note, showReceipt, fail, end };
  }

  // What was asked can be saved as an example: its form stands outside of this one and waits for a call.
  function offerToKeep(asked) {
    const keep = document.querySelector("[data-try-keep]");
    if (!keep) return;
    keep.elements.body.value = JSON.stringify(asked);
    keep.hidden = false;
  }

  async function run(form) {
    const abort = new AbortController();
    running.set(form, abort);
    const view = viewOf(form);
    keepSaid(form);
    form.dataset.asked = "";
    let session_id = null;
    view.begin();
    try {
      const asked = body(form);
      const response = await post(form.action, asked, abort.signal, view.showReceipt);
      session_id = response.headers.get("x-sluice-session-id");
      await (streams(response) ? readStream : readWhole)(response, view);
      goOn(form, session_id);
      view.end(texts.finished);
      offerToKeep(asked);
    } catch (error) {
      if (abort.signal.aborted) goOn(form, session_id);
      else view.fail(error instanceof Failure ? error.message : texts.unreachable);
      view.end(abort.signal.aborted ? texts.stopped : "");
    } finally {
      running.delete(form);
    }
  }

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-try]")) return;
    event.preventDefault();
    if (!running.has(event.target)) run(event.target);
  });

  document.addEventListener("click", (event) => {
    const stop = event.target.closest("[data-try-stop]");
    if (stop) running.get(stop.closest("form"))?.abort();
    const anew = event.target.closest("[data-try-new]");
    if (anew) beginAnew(anew.closest("form"));
  });

  document.addEventListener("keydown", (event) => {
    const sends = event.key === "Enter" && (event.metaKey || event.ctrlKey);
    if (sends) event.target.closest("form[data-try]")?.requestSubmit();
  });
})();
