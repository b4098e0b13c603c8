// Two versions beside each other: what changed, or both texts line by line.
import { html } from "../html.js";
import { at, query, useGet } from "../api.js";
import { may } from "../session.js";
import { Link, go, to, usePlace } from "../router.js";
import { Command } from "../parts/command.js";
import { Loading, Problem } from "../parts/problem.js";
import { ServiceHead, useThere } from "../parts/servicehead.js";
import { Ago } from "../parts/time.js";
import { RollBackRow } from "../parts/verdict.js";
import { plural, shell } from "../format.js";
import { stylesheet } from "../parts/stylesheet.js";
import { written } from "./version.js";

await stylesheet("versions.css");

const around = 3; // lines shown before and after a change
const signs = { add: ["+", "added"], remove: ["−", "removed"], replace: ["~", "changed"], same: ["", ""] };

// shortened leaves out runs of equal lines far from any change: each of its items
// is a line, or how many were left out.
export function shortened(lines) {
  const near = new Set();
  lines.forEach((l, i) => { if (l.op !== "same") for (let j = i - around; j <= i + around; j++) near.add(j); });
  const out = [];
  lines.forEach((l, i) => {
    if (near.has(i)) out.push(l);
    else if (typeof out.at(-1) === "number") out[out.length - 1]++;
    else out.push(1);
  });
  return out;
}

function Changes({ changes }) {
  if (changes.length === 0) return html`<p class="empty">They are equal: configuration and files.</p>`;
  return html`<ul class="changes">${changes.map((c) => html`<li class=${c.op}>
    <code class="path"><span aria-hidden="true">${signs[c.op][0]}</span> <span class="hidden">${signs[c.op][1]}:</span> ${c.path}</code>
    <span class="values">${c.from !== undefined && html`<del><code>${written(c.from)}</code></del>`} ${c.op === "replace" && html`<span aria-hidden="true">→</span>`} ${c.to !== undefined && html`<ins><code>${written(c.to)}</code></ins>`}</span></li>`)}</ul>`;
}

function Sides({ diff, all }) {
  const lines = diff.lines ?? [];
  return html`<div class="scroll card" tabindex="0" role="region" aria-label="Both service files, line by line"><table class="sides">
    <thead><tr><th scope="col">Version ${diff.from}</th><th scope="col"><span class="hidden">Change</span></th><th scope="col">Version ${diff.to}</th></tr></thead>
    <tbody>${(all ? lines : shortened(lines)).map((l) => (typeof l === "number"
      ? html`<tr class="left-out"><td colspan="3">… ${plural(l, "equal line")}</td></tr>`
      : html`<tr class=${l.op}><td>${l.op === "add" ? "" : l.from}</td><td class="sign"><span aria-hidden="true">${signs[l.op][0]}</span><span class="hidden">${signs[l.op][1]}</span></td><td>${l.op === "remove" ? "" : l.to}</td></tr>`))}</tbody></table></div>`;
}

// Side chooses one of the two versions and says who made it.
function Side({ name, label, n, latest, choose, service }) {
  const { value: v, problem } = useGet(n > 0 ? at("services", name, "versions", String(n)) : null);
  return html`<div class="side">
    <label class="field"><span>${label}</span><input type="number" min="1" max=${latest} value=${n} onChange=${(e) => e.target.value > 0 && choose(Number(e.target.value))} /></label>
    ${problem && html`<p class="faint">${problem.message}</p>`}
    ${v && html`<p>${v.creator}, <${Ago} at=${v.created_at} />${v.current && ", current"}${v.message && html`: ${v.message}`}</p>
      <p class="actions"><${Link} href=${to("services", name, "versions", String(n))}>Look at version ${n}</${Link}>${!v.current && may("operator") && html` <${RollBackRow} service=${service} version=${v} />`}</p>`}
  </div>`;
}

export function Compare({ name }) {
  const { service, instead } = useThere(name);
  const { query: q } = usePlace();
  const second = Number(q.get("to")) || service?.current_version || 0;
  const first = Number(q.get("from")) || Math.max(1, second - 1);
  const sides = q.get("view") === "sides", all = q.get("all") === "1";
  const { value, problem, again } = useGet(second > 0 ? query(at("services", name, "versions", "diff"), { from: first, to: second, lines: true }) : null);
  if (!service) return instead;
  const show = (change) => {
    const next = { from: first, to: second, view: sides ? "sides" : "", all: all ? "1" : "", ...change };
    go(query(to("services", name, "compare"), next), { replace: true });
  };
  const side = { name, service, latest: service.latest_version };
  return html`
    <${ServiceHead} service=${service} at="versions" />
    <div class="between">
      <${Side} ...${side} label="From version" n=${first} choose=${(n) => show({ from: n })} />
      <button type="button" onClick=${() => show({ from: second, to: first })} aria-label=${`Swap: from ${second} to ${first}`}>⇄ Swap</button>
      <${Side} ...${side} label="To version" n=${second} choose=${(n) => show({ to: n })} />
    </div>
    <div class="filters" role="group" aria-label="View">
      <button type="button" aria-pressed=${!sides} onClick=${() => show({ view: "" })}>Changes only</button>
      <button type="button" aria-pressed=${sides} onClick=${() => show({ view: "sides" })}>Side by side</button>
      ${sides && html`<label><input type="checkbox" checked=${all} onChange=${(e) => show({ all: e.target.checked ? "1" : "" })} /> every line</label>`}
      ${value && html`<span class="faint" role="status">${plural(value.changes.length, "change")}</span>`}
    </div>
    <${Problem} of=${problem} again=${again} />
    ${!value && !problem && html`<${Loading} what="Comparing" />`}
    ${value && (sides ? html`<${Sides} diff=${value} all=${all} />` : html`<section class="card"><${Changes} changes=${value.changes} /></section>`)}
    <${Command} text=${`sluice diff ${shell(name)} ${first} ${second}${sides ? " --side-by-side" : ""}${sides && all ? " --all" : ""}`} />`;
}
