// One rollout, in progress or long over: who and why, what was done when, and
// what callers saw meanwhile.
import { html } from "../html.js";
import { at, useGet } from "../api.js";
import { useService } from "../live.js";
import { Link, go, to } from "../router.js";
import { duration, latency, number, percent, plural, shell } from "../format.js";
import { Command } from "../parts/command.js";
import { Record } from "../parts/gates.js";
import { Lately } from "../parts/lately.js";
import { Loading, Problem } from "../parts/problem.js";
import { active } from "../parts/rollback.js";
import { Track } from "../parts/rolloutpanel.js";
import { ServiceHead } from "../parts/servicehead.js";
import { Status } from "../parts/status.js";
import { Table } from "../parts/table.js";
import { Ago, When, useNow } from "../parts/time.js";
import { Timeline } from "../parts/timeline.js";

const chartDay = 24 * 3600_000; // ms that the server keeps numbers for

const columns = [
  { title: "Version", cell: (t) => t.version },
  { title: "Requests", number: true, cell: (t) => number(t.requests) },
  { title: "Errors", number: true, cell: (t) => (t.errors > 0 ? html`<strong>${number(t.errors)}</strong> (${percent(t.requests > 0 ? t.errors / t.requests : 0)})` : "0") },
  { title: "Gone away", number: true, cell: (t) => number(t.canceled) },
  { title: "p50", number: true, cell: (t) => latency(t.latency_p50_seconds) },
  { title: "p95", number: true, cell: (t) => latency(t.latency_p95_seconds) },
  { title: "p99", number: true, cell: (t) => latency(t.latency_p99_seconds) },
];

// Length is how long it took beside what the preview said.
function Length({ rollout: r }) {
  const now = useNow(1);
  const took = ((r.ended_at ? new Date(r.ended_at).getTime() : now) - new Date(r.started_at).getTime()) / 1000;
  const said = r.history?.expected_seconds;
  return html`${duration(Math.max(0, took))} ${said != null ? html`<span class="faint">the preview said ${duration(said)}${said > 0 && took > 0 && ` (${percent(took / said)} of it)`}</span>`
    : html`<span class="faint">the preview gave no end: it ${active(r) ? "waits" : "waited"} for somebody</span>`}`;
}

// Others leads to the rollouts before and after, as they are listed.
function Others({ name, id }) {
  const { value } = useGet(at("services", name, "rollouts"), [id]);
  if (!value || value.rollouts.length < 2) return null;
  return html`<label class="field"><span>Rollouts of ${name}</span><select value=${id} onChange=${(e) => go(to("services", name, "rollouts", e.target.value))}>
    ${value.rollouts.map((r) => html`<option value=${r.id} selected=${r.id === id}>${new Date(r.started_at).toLocaleString()}: ${r.kind} to ${r.to_version}, ${r.phase.replace("_", " ")}</option>`)}</select></label>`;
}

export function Rollout({ name, id }) {
  const service = useService(name);
  const mine = service?.rollout?.id === id ? service.rollout : null;
  const now = useNow(5);
  const beat = active(mine) ? Math.floor(now / 5000) : 0;
  const { value: r, problem, again } = useGet(at("services", name, "rollouts", id), [mine?.phase, mine?.target_updated, beat]);
  if (problem && !r) return html`<header class="page"><h1>${name}</h1></header><${Problem} of=${problem} again=${again} />`;
  if (!r) return html`<${Loading} what="Reading the rollout" />`;
  const { history } = r;
  const recent = Date.now() - new Date(r.ended_at ?? Date.now()).getTime() < chartDay;
  return html`
    ${service ? html`<${ServiceHead} service=${service} at="" />` : html`<header class="page"><h1>${name}</h1></header>`}
    <div class="columns">
      <section class="card" aria-labelledby="rollout-title">
        <h2 id="rollout-title">${r.kind}${r.from_version > 0 && ` ${r.from_version} → ${r.to_version}`} <${Status} of=${r.phase} /></h2>
        <${Track} rollout=${mine ?? r} />
        ${active(r) && r.waiting_for && html`<p><span class="faint">Waiting for</span> ${r.waiting_for}</p>`}
        ${r.message && html`<p>${r.message}</p>`}
        <dl class="facts">
          <dt>Begun by</dt><dd>${r.creator}</dd>
          <dt>Why</dt><dd>${r.why || html`<span class="faint">no message was given</span>`}</dd>
          <dt>From</dt><dd>${r.from_version > 0 ? html`<${Link} href=${to("services", name, "versions", String(r.from_version))}>version ${r.from_version}</${Link}>` : "nothing"}</dd>
          <dt>To</dt><dd><${Link} href=${to("services", name, "versions", String(r.to_version))}>version ${r.to_version}</${Link}>
            ${r.from_version > 0 && r.from_version !== r.to_version && html` <${Link} href=${to("services", name, "compare") + `?from=${r.from_version}&to=${r.to_version}`}>compare them</${Link}>`}</dd>
          <dt>Begun</dt><dd><${When} at=${r.started_at} /> <span class="faint"><${Ago} at=${r.started_at} /></span></dd>
          <dt>Ended</dt><dd>${r.ended_at ? html`<${When} at=${r.ended_at} />` : "not yet"}</dd>
          <dt>${active(r) ? "Running for" : "Took"}</dt><dd><${Length} rollout=${r} /></dd>
          <dt>Plan</dt><dd>${r.planned ? "led by the update plan" : "none: all replicas at once, within the bounds"}</dd>
        </dl>
        <${Command} text=${`sluice history ${shell(name)} ${shell(id)}`} />
        <${Others} name=${name} id=${id} />
      </section>
      <section class="card" aria-labelledby="done-title"><h2 id="done-title">What was done</h2><${Timeline} rollout=${r} /></section>
    </div>
    ${history?.failure_count > 0 && html`<section class="card" aria-labelledby="failed-title"><h2 id="failed-title">${plural(history.failure_count, "replica")} failed</h2>
      <ul>${history.failures.map((f) => html`<li><${When} at=${f.at} /> <code>${f.replica}</code> of version ${f.version}: ${f.reason}</li>`)}</ul></section>`}
    ${r.gates?.length > 0 && html`<section class="card" aria-labelledby="gates-title"><h2 id="gates-title">Gates</h2>${r.gates.map((g) => html`<${Record} of=${g} />`)}</section>`}
    ${history && html`<section class="card" aria-labelledby="traffic-title"><h2 id="traffic-title">Requests while it lasted</h2>
      <${Table} label="Requests by version" columns=${columns} rows=${history.traffic} id=${(t) => t.version} empty="No request came meanwhile." /></section>`}
    ${recent ? html`<${Lately} service=${name} from=${r.started_at} to=${r.ended_at ?? undefined} />`
    : html`<p class="faint">The numbers that charts are drawn of are kept for a day; this rollout is older.</p>`}`;
}
