// What the server says that an update would do.
import { html } from "../html.js";
import { duration, plural } from "../format.js";
import { Table } from "./table.js";
import { When } from "./time.js";

const verbs = { create: "start", terminate: "SIGTERM to", kill: "SIGKILL to" };
const seen = { ready: "ready", remove: "ended", pending: "without room", fail: "failed" };
const unsaid = new Set(["begin", "settle"]);

// words are the actions of one moment: "1 of v3 ready, drain 1 of v2".
function words(actions) {
  const said = actions.filter((a) => !unsaid.has(a.do)).map((a) => {
    if (a.replicas === 0) return a.do.replaceAll("_", " ");
    return seen[a.do] ? `${a.replicas} of v${a.version} ${seen[a.do]}` : `${verbs[a.do] ?? a.do} ${a.replicas} of v${a.version}`;
  });
  return said.join(", ") || actions[0]?.do.replaceAll("_", " ");
}

const steps = [
  { title: "Time", number: true, cell: (s) => "+" + duration(s.at_seconds) },
  { title: "Step", cell: (s) => words(s.actions) },
  { title: "Old", number: true, cell: (s) => s.old },
  { title: "New", number: true, cell: (s) => s.new },
  { title: "Draining", number: true, cell: (s) => s.draining },
  { title: "Ready", number: true, cell: (s) => s.ready },
  { title: "Live", number: true, cell: (s) => s.live },
  { title: "To new", number: true, cell: (s) => (s.ready > 0 ? Math.round((100 * s.updated) / s.ready) + "%" : "") },
  { title: "If the next new one fails", cell: (s) => s.failure && `${s.failure.phase.replace("_", " ")}: ${s.failure.old} old, ${s.failure.new} new stay, ${s.failure.ready} serve` },
];

const batches = [
  { title: "Batch", number: true, cell: (b) => b.number },
  { title: "Updated", number: true, cell: (b) => b.target },
  { title: "Starts after", number: true, cell: (b) => duration(b.starts_at_seconds) },
  { title: "If it began now", cell: (b) => html`<${When} at=${b.starts_at} />` },
  { title: "Takes", number: true, cell: (b) => (b.duration_seconds === null ? "waits" : duration(b.duration_seconds)) },
];

const text = (value) => (value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value, null, 1));
const marks = { add: ["added", "+"], remove: ["removed", "−"], replace: ["replaced", "≠"] };

// FieldChanges is a diff, field by field.
export function FieldChanges({ changes }) {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="What changes"><table class="rows changes"><thead><tr><th scope="col">Field</th><th scope="col">Before</th><th scope="col">After</th></tr></thead>
    <tbody>${changes.map((c) => html`<tr class=${marks[c.op][0]}><td data-title="Field"><span aria-hidden="true">${marks[c.op][1]}</span> <code>${c.path}</code><span class="hidden"> ${marks[c.op][0]}</span></td>
      <td data-title="Before"><pre>${text(c.from)}</pre></td><td data-title="After"><pre>${text(c.to)}</pre></td></tr>`)}</tbody></table></div>`;
}

// about rounds a length to what an estimate is worth: "about 6 min".
export function about(seconds) {
  if (seconds < 1) return "at once";
  if (seconds < 90) return `about ${Math.round(seconds)} s`;
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} min`;
  return `about ${(seconds / 3600).toFixed(1)} h`;
}

// willDo says what the button does, from a preview.
export function willDo(p, name) {
  const { desired } = p.bounds;
  const away = Math.max(0, Math.min(desired, p.now.ready) - p.lowest_ready.replicas); // those that are missing already are not its doing
  switch (p.outcome) {
    case "nothing": return "Nothing to change";
    case "settings": return `Change the settings of ${name}; no replica is replaced`;
    case "scale": return `Scale ${name} to ${plural(desired, "replica")}`;
    case "membership": return `Change ${name}; no replica is replaced`;
    case "recorded": return `Record version ${p.to_version}; ${name} is stopped`;
  }
  const first = p.batches[0];
  const far = p.end.phase === "waiting" && first ? `Update ${first.target} of ${desired} replicas and wait` : `Update ${plural(desired, "replica")}`;
  const how = away === 0 ? "none away" : `at most ${away} away`;
  const end = { stuck: "and get stuck", paused: "then paused", unfinished: "over a long time" }[p.end.phase] ?? about(p.end.at_seconds);
  return `${far}, ${how}, ${end}`;
}

const time = (t) => `${duration(t.seconds)}, ${t.basis}${t.measured > 0 ? `; the slowest ${duration(t.slowest_seconds)}` : ""}`;

function needs(k) {
  return [plural(k.processes, "process", "processes"), k.cpu > 0 && `${k.cpu} cores`, k.memory_mb > 0 && `${k.memory_mb} MB of memory`, k.gpu > 0 && plural(k.gpu, "gpu"),
    k.resource && "in resource group " + k.resource].filter(Boolean).join(", ");
}

export function Previewed({ preview: p }) {
  const b = p.bounds, failure = p.steps.find((s) => s.failure)?.failure;
  const content = p.changes.filter((c) => c.startsWith("content of "));
  return html`
    <p class="message"><strong>${p.text}</strong></p>
    ${p.warnings.map((w) => html`<div class="notice warn"><p><strong>${w.message}</strong></p>${w.hint && html`<p>${w.hint}</p>`}</div>`)}
    ${p.supersedes && html`<div class="notice warn"><p>${p.supersedes.text}</p></div>`}
    ${(p.diff.length > 0 || content.length > 0) && html`<h3>What changes</h3>${p.diff.length > 0 && html`<${FieldChanges} changes=${p.diff} />`}
      ${content.length > 0 && html`<ul>${content.map((c) => html`<li>${c}</li>`)}</ul>`}`}
    ${p.steps.length > 0 && html`
      <h3>What happens</h3>
      <dl class="facts">
        <dt>Ends</dt><dd>${p.end.phase.replace("_", " ")} after ${duration(p.end.at_seconds)}: ${p.end.text}${p.end.quiet_at_seconds > p.end.at_seconds && html` <span class="faint">(the last old one has ended after ${duration(p.end.quiet_at_seconds)})</span>`}</dd>
        <dt>Ready</dt><dd>never fewer than <strong>${p.lowest_ready.replicas}</strong> of ${b.desired} (after ${duration(p.lowest_ready.at_seconds)})</dd>
        <dt>Live</dt><dd>never more than <strong>${p.highest_live.replicas}</strong> (after ${duration(p.highest_live.at_seconds)}); allowed ${b.desired + b.max_surge}</dd>
        <dt>Peak</dt><dd>${needs(p.peak)}</dd>
        ${failure && html`<dt>If one fails</dt><dd>${failure.way_out}</dd>`}
        <dt>Start</dt><dd>${time(p.times.startup)}</dd><dt>In hand</dt><dd>${time(p.times.in_hand)}</dd><dt>Exit</dt><dd>${time(p.times.exit)}</dd>
        <dt>Assumed</dt><dd>${p.assumes.join("; ")}</dd>
      </dl>
      ${p.batches.length > 1 || p.plan?.phase === "in_effect" ? html`<h3>Batches</h3><${Table} label="Batches" columns=${batches} rows=${p.batches} id=${(x) => x.number} />` : null}
      <h3>Steps</h3><${Table} label="Steps" columns=${steps} rows=${p.steps} id=${(s) => p.steps.indexOf(s)} />`}`;
}
