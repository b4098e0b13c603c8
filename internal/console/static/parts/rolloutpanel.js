// The rollout in progress: how far it is, what it waits for, and what to do.
import { html } from "../html.js";
import { at, put, useGet } from "../api.js";
import { Link, to } from "../router.js";
import { duration, plural, shell } from "../format.js";
import { Action } from "./action.js";
import { because } from "./command.js";
import { Record } from "./gates.js";
import { Status } from "./status.js";
import { active, held } from "./rollback.js";
import { Countdown, useNow } from "./time.js";
import { Timeline } from "./timeline.js";
import { versionColor } from "./versioncolor.js";

// Track shows the replicas as one bar: those updated, those that run what was
// before, and a mark where it is meant to stop.
export function Track({ rollout: r }) {
  const total = Math.max(1, r.total);
  const share = (n) => Math.min(100, (100 * n) / total) + "%";
  const text = `${r.updated} of ${r.total} updated, target ${r.target_updated}`;
  return html`<div class="track" role="img" aria-label=${text}>
      <span class=${"part " + (r.from_version ? versionColor(r.from_version) : "none")} style=${{ width: "100%" }}></span>
      <span class=${"part " + versionColor(r.to_version)} style=${{ width: share(r.updated) }}></span>
      ${r.target_updated < r.total && html`<span class="mark" style=${{ left: share(r.target_updated) }}></span>`}
    </div>
    <p class="track-words"><strong>${r.updated}</strong> of ${r.total} run version ${r.to_version}${r.target_updated < r.total && html`; target <strong>${r.target_updated}</strong>`}
      ${r.from_version > 0 && r.from_version !== r.to_version && html` <span class="faint">(before: version ${r.from_version})</span>`}</p>`;
}

function Took({ rollout, expected }) {
  const now = useNow(1);
  const seconds = ((rollout.ended_at ? new Date(rollout.ended_at).getTime() : now) - new Date(rollout.started_at).getTime()) / 1000;
  return html`${duration(Math.max(0, seconds))}${expected != null && html` <span class="faint">(the preview said ${duration(expected)})</span>`}`;
}

// wayBack is how a rollout in progress is taken back, and how that is said.
function wayBack({ name, rollout: r }) {
  if (r.kind === "restart") return { label: "End the restart", ask: `The restart of ${name} ends: what is not replaced yet stays.` };
  if (!r.from_version) return null;
  return { label: `Roll back all to version ${r.from_version}`, ask: `The replicas of ${name} that run version ${r.to_version} go back to version ${r.from_version}; those that still run it stay.` };
}

function Controls({ service, rollout: r }) {
  const { name } = service;
  const back = wayBack(service);
  const pause = (paused) => (m) => put(at("services", name, "rollout"), { paused }, m);
  const again = r.reason === "failure";
  return html`<div class="actions">
    ${r.phase === "paused"
    ? html`<${Action} label=${again ? "Resume: try again" : "Resume"} primary reason ...${held(service)}
        ask=${again ? `Failed replicas of ${name} are removed, and the rollout to version ${r.to_version} goes on.` : `The rollout of ${name} to version ${r.to_version} goes on.`}
        command=${(m) => `sluice resume ${shell(name)}${because(m)}`} run=${pause(false)} />`
    : html`<${Action} label="Pause" command=${(m) => `sluice pause ${shell(name)}${because(m)}`} run=${pause(true)} />`}
    ${back && html`<${Action} label=${back.label} danger reason ...${held(service)} ask=${back.ask}
      command=${(m) => `sluice ${r.planned ? "plan rollback" : "rollback"} ${shell(name)}${because(m)} --wait`}
      run=${(m) => put(at("services", name, ...(r.planned ? ["plan", "rollback"] : ["version"])), {}, m)} />`}
  </div>`;
}

export function RolloutPanel({ service }) {
  const r = service.rollout;
  const busy = active(r);
  const now = useNow(5);
  const beat = busy ? Math.floor(now / 5000) : 0;
  const { value: full } = useGet(r ? at("services", service.name, "rollouts", r.id) : null, [r?.phase, r?.target_updated, r?.reason, r?.gates?.length, beat]);
  if (!r) return html`<section class="card"><h2>Rollout</h2><p class="empty">Nothing has been rolled out yet.</p></section>`;
  const history = full?.id === r.id ? full.history : null;
  return html`<section class="card" aria-labelledby="rollout-title">
    <h2 id="rollout-title">${busy ? "Rollout in progress" : "Last rollout"}: ${r.kind}${r.from_version > 0 && ` ${r.from_version} → ${r.to_version}`} <${Status} of=${r.phase} /></h2>
    <${Track} rollout=${r} />
    ${busy && r.waiting_for && !(r.phase === "paused" && r.message && r.waiting_for.includes(r.message)) && html`<p class="waiting"><span class="faint">Waiting for</span> ${r.waiting_for}</p>`}
    ${r.next_batch_at && html`<p>The next batch begins <strong><${Countdown} to=${r.next_batch_at} /></strong>.</p>`}
    ${r.phase === "paused" && html`<div class=${"notice " + (r.reason === "failure" || r.reason === "gate" ? "bad" : "warn")} role="status"><strong>Paused${r.reason && `: ${r.reason}`}.</strong> ${r.message}</div>`}
    ${r.phase !== "paused" && r.message && html`<p>${r.message}</p>`}
    ${busy && html`<${Controls} service=${service} rollout=${r} />`}
    <dl class="facts">
      <dt>Begun by</dt><dd>${r.creator}${full?.why && html`: “${full.why}”`}</dd>
      <dt>${busy ? "Running for" : "Took"}</dt><dd><${Took} rollout=${r} expected=${history?.expected_seconds} /></dd>
      ${history?.failure_count > 0 && html`<dt>Failed</dt><dd>${plural(history.failure_count, "replica")}</dd>`}
    </dl>
    ${r.gates?.length > 0 && html`<h3>Gates</h3><${Record} of=${r.gates.at(-1)} />`}
    ${history && html`<h3>What was done</h3><${Timeline} rollout=${full} last=${8} />`}
    <p><${Link} href=${to("services", service.name, "rollouts", r.id)}>All of this rollout</${Link}></p>
  </section>`;
}
