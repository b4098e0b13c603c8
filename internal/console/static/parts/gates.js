// What the gates of a plan allow, and what they made of each batch.
import { html } from "../html.js";
import { Status } from "./status.js";
import { When } from "./time.js";

const outcomes = { pass: "ok", fail: "failed", no_data: "unknown", unsure: "unknown" };

// limits writes a gate as one line: "error_rate at most 1%".
export function limits(gate) {
  const words = { max: "at most", min: "at least", max_ratio: "new / old at most", min_ratio: "new / old at least", max_difference: "new - old at most" };
  return Object.entries(words).filter(([key]) => gate[key]).map(([key, word]) => `${word} ${gate[key]}`).join(", ");
}

export const nameOf = (gate) => gate.name || gate.metric || ["prometheus", "http", "command"].find((kind) => gate[kind]) || "gate";

// Record({of, what}) is the judgement of one batch, or of what else was asked.
export function Record({ of, what = "Batch to" }) {
  return html`<div class="gate"><p>${what} ${of.target}: <strong>${of.action}</strong> <span class="faint"><${When} at=${of.at} /></span> ${of.reason}</p>
    <ul>${of.results.map((r) => html`<li><${Status} of=${outcomes[r.outcome] ?? "unknown"} title=${r.outcome} /> <strong>${r.gate}</strong> ${r.outcome.replace("_", " ")}: ${r.message}
      ${r.limit && html`<span class="faint"> (allowed: ${r.limit})</span>`}${r.output && html`<pre class="log" tabindex="0">${r.output}</pre>`}</li>`)}</ul></div>`;
}
