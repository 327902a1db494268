// The price form: what so many tokens cost, as one types, with the same exact arithmetic as a bill.
(() => {
  const form = document.querySelector("[data-pricing]");
  if (!form) return;
  const MILLION = 1_000_000n;
  const KINDS = ["input", "output", "cache_read", "cache_write"];
  const shipped = JSON.parse(form.dataset.shipped || "{}");
  const own = form.querySelector("[data-own-price]");
  const call = form.querySelector('[data-cost="call"]');

  // Reads a plain decimal as a whole number of its smallest parts; null while it is not one
  function parts(text, decimals) {
    const match = /^([0-9]{1,10})(?:[.,]([0-9]*))?$/.exec(text.trim());
    if (!match || (match[2] ?? "").length > decimals) return null;
    return BigInt(match[1] + (match[2] ?? "").padEnd(decimals, "0"));
  }

  const origin = () => form.querySelector('[name="price"]:checked')?.value ?? "own";

  function priceOf(kind) {
    if (origin() === "free") return 0n;
    const name = `${kind}_usd_per_million`;
    const text = origin() === "shipped" ? shipped[name] ?? "" : form.elements[name].value;
    if (text.trim() === "" && kind.startsWith("cache")) return priceOf("input");
    return parts(text, 9);
  }

  function factors() {
    const field = form.elements.multiplier;
    const model = parts(field ? field.value : call.dataset.multiplier || "1", 6);
    return [parts(form.dataset.accountRate, 6) ?? MILLION, model ?? MILLION];
  }

  // Rounds half up, once, at the very end
  function cost(uses) {
    let total = 0n;
    for (const [kind, tokens] of uses) {
      const price = priceOf(kind);
      if (price === null) return "–";
      total += price * BigInt(tokens);
    }
    const [account, model] = factors();
    const divisor = MILLION * MILLION * MILLION;
    const nano = (2n * total * account * model + divisor) / (2n * divisor);
    const digits = String(nano).padStart(10, "0");
    return `$${digits.slice(0, -9)}.${digits.slice(-9).replace(/0{1,7}$/, "")}`;
  }

  function show() {
    own.hidden = origin() !== "own";
    for (const kind of KINDS) {
      const line = form.querySelector(`[data-cost="${kind}"]`);
      line.textContent = cost([[kind, line.dataset.tokens]]);
    }
    const tokens = (kind) => form.querySelector(`[data-cost="${kind}"]`).dataset.tokens;
    call.textContent = cost([["input", tokens("input")], ["output", tokens("output")]]);
  }

  form.addEventListener("input", show);
  show();
})();
