// The update plan: how far the rollout in progress goes, or how the next update
// begins.
import { html, useState } from "../html.js";
import { at, put, remove } from "../api.js";
import { may } from "../session.js";
import { percent, shell } from "../format.js";
import { Action } from "./action.js";
import { because } from "./command.js";
import { limits, nameOf } from "./gates.js";
import { active, held } from "./rollback.js";
import { Status } from "./status.js";

// replicasOf reads a count as the API does: "3", or "25%" of total rounded up.
// null: it is neither.
export function replicasOf(text, total) {
  const found = /^\s*(\d+)\s*(%?)\s*$/.exec(text);
  if (!found) return null;
  const n = Number(found[1]);
  if (found[2] && n > 100) return null;
  return found[2] ? Math.ceil((n * total) / 100) : Math.min(n, total);
}

const asCount = (text) => (/%/.test(text) ? text.replace(/\s/g, "") : Number(text));
const interval = /^(\d+(\.\d+)?(h|m|s))+$/;

// willDo says what a new target does, for the button.
function willDo({ name, total, updated, n, leads }) {
  if (!leads) return n === 0 ? `Begin the next update, and wait at 0 of ${total}` : n >= total ? "Have the next update go to all" : `Begin the next update with ${n} of ${total}`;
  if (n === 0) return `Roll back all of ${name}`;
  if (n < updated) return `Take ${updated - n} back, to ${n} of ${total}`;
  return n >= total ? `Update all ${total}` : `Update ${n} of ${total}`;
}

function Manual({ service, plan, leads, extra }) {
  const { name } = service;
  const total = service.replicas.desired;
  const updated = leads ? service.rollout.updated : 0;
  const set = plan && !plan.batch ? (leads ? String(plan.target) : plan.target_updated === undefined ? String(total) : String(plan.target_updated)) : "";
  const [typed, type] = useState(null); // null: as the plan says
  const text = typed ?? (set || String(total));
  const n = replicasOf(text, total);
  const idle = !plan && !leads && n >= total && !extra; // what happens without a plan, too
  const same = set !== "" && n === replicasOf(set, total) && (leads || String(text).includes("%") === set.includes("%")) && !extra;
  const label = willDo({ name, total, updated, n: n ?? 0, leads });
  const back = leads && n === 0;
  return html`
    <label class="field"><span id="target-words">${leads ? "Replicas that shall run the new version" : "Replicas that the next update begins with"}</span>
      <input type="range" min="0" max=${total} step="1" value=${n ?? 0} list="ticks" aria-valuetext=${`${n ?? 0} of ${total}`} disabled=${!may("operator")} onInput=${(e) => type(e.target.value)} /></label>
    <div class="inline">
      <input class="short" value=${text} inputmode="numeric" aria-label=${`Target: a number up to ${total}, or a percentage`} disabled=${!may("operator")} onInput=${(e) => type(e.target.value)} />
      <span>of ${total} <span class="faint">= ${percent(total > 0 ? (n ?? 0) / total : 0)}</span></span>
      <${Action} label=${n === null ? "Set the target" : label} primary=${!back} danger=${back} disabled=${n === null || same || idle} why=${n === null ? `a number from 0 to ${total}, or a percentage as 20%` : idle ? "so it does without a plan" : "that is its target"} ...${held(service)}
        ask=${back ? `Every replica of ${name} that runs the new version goes back, and the rollout ends rolled back.` : undefined} reason=${back}
        command=${(m) => `sluice plan set ${shell(name)} --target ${text.replace(/\s/g, "")}${because(m)} --wait`}
        run=${(m) => put(at("services", name, "plan"), { target_updated: asCount(text), ...extra }, m)} done=${() => type(null)} />
    </div>`;
}

function Automatic({ service, plan, leads, extra }) {
  const { name } = service;
  const total = service.replicas.desired;
  const [size, setSize] = useState(null), [every, setEvery] = useState(null);
  const batch = { size: size ?? String(plan?.batch?.size ?? "25%"), interval: every ?? plan?.batch?.interval ?? "5m" };
  const n = replicasOf(batch.size, total);
  const wrong = !n ? "a batch has at least 1 replica: 3, or 25%" : interval.test(batch.interval) ? "" : "an interval is written as 90s, 5m or 1h";
  const same = plan?.batch && String(plan.batch.size) === batch.size && plan.batch.interval === batch.interval && !extra;
  return html`
    <div class="inline">
      <label class="field"><span>Batch</span><input class="short" value=${batch.size} disabled=${!may("operator")} onInput=${(e) => setSize(e.target.value)} /><small>replicas, or % of ${total}</small></label>
      <label class="field"><span>Interval</span><input class="short" value=${batch.interval} disabled=${!may("operator")} onInput=${(e) => setEvery(e.target.value)} /><small>after a batch is ready</small></label>
    </div>
    <${Action} label=${wrong ? "Set the batches" : `${leads ? "Update" : "Have the next update go"} ${n} more every ${batch.interval}`} primary disabled=${wrong !== "" || same} why=${wrong || "these are its batches"} ...${held(service)}
      command=${(m) => `sluice plan set ${shell(name)} --batch ${batch.size} --interval ${batch.interval}${because(m)}`}
      run=${(m) => put(at("services", name, "plan"), { batch: { size: asCount(batch.size), interval: batch.interval }, ...extra }, m)} done=${() => { setSize(null); setEvery(null); }} />`;
}

function stands(plan, leads) {
  if (leads && !plan) return html`<p>There is no plan: the rollout in progress goes to all replicas. One made now leads it, from what is updated by then.</p>`;
  if (!plan) return html`<p>There is no plan: an update goes to all replicas at once, as fast as its bounds allow.</p>`;
  if (leads) return html`<p>It leads the rollout in progress: <strong>${plan.updated} of ${plan.total}</strong> updated, now up to <strong>${plan.target}</strong>. <${Status} of=${plan.judging ? "judging" : plan.stage || "in_effect"} /></p>`;
  const begins = plan.batch ? `in batches of ${plan.batch.size}, ${plan.batch.interval} apart` : plan.target_updated !== undefined ? `with ${plan.target_updated} of ${plan.total}` : "with all replicas";
  return html`<p>No rollout follows it now. <strong>The next update begins with it</strong>: ${begins}${plan.paused && ", paused"}. <${Status} of=${plan.phase} /></p>`;
}

export function PlanPanel({ service }) {
  const { name, plan, rollout } = service;
  // A plan made in the middle of an update acts at once; one made in the middle of
  // anything else is for the next update.
  const leads = active(rollout) && (plan ? plan.phase === "in_effect" : rollout.kind === "update" && rollout.from_version > 0);
  const [chosen, choose] = useState(null);
  const [failure, setFailure] = useState(null);
  const mode = chosen ?? (plan?.batch ? "automatic" : "manual");
  const was = plan?.on_failure ?? "pause";
  const extra = failure && failure !== was ? { on_failure: failure } : undefined;
  const Mode = mode === "manual" ? Manual : Automatic;
  const radio = (value, label) => html`<label><input type="radio" name="plan-mode" checked=${mode === value} onChange=${() => choose(value)} /> ${label}</label>`;
  return html`<section class="card" aria-labelledby="plan-title"><h2 id="plan-title">Update plan</h2>
    ${stands(plan, leads)}
    ${service.replicas.desired > 0 && may("operator") && html`
      <fieldset class="choice"><legend class="hidden">How it goes on</legend>${radio("manual", "by hand")} ${radio("automatic", "by the clock")}</fieldset>
      <${Mode} key=${mode + leads} service=${service} plan=${plan} leads=${leads} extra=${extra} />
      <label class="field"><span>When a new replica fails</span><select value=${failure ?? was} onChange=${(e) => setFailure(e.target.value)}>
        <option value="pause">pause, and wait for somebody</option><option value="rollback">take all of it back</option></select></label>
      ${extra && html`<${Action} label=${extra.on_failure === "pause" ? "Pause when a replica fails" : "Take back when a replica fails"} ...${held(service)} command=${(m) => `sluice plan set ${shell(name)} --on-failure ${extra.on_failure}${because(m)}`}
        run=${(m) => put(at("services", name, "plan"), extra, m)} done=${() => setFailure(null)} />`}`}
    ${plan?.gates?.length > 0 && html`<h3>Gates after each batch</h3><ul>${plan.gates.map((g) => html`<li><strong>${nameOf(g)}</strong> ${limits(g)}${g.dry_run && " (reports only)"}</li>`)}</ul>`}
    ${plan && html`<div class="actions">
      ${!leads && html`<${Action} label=${plan.paused ? "Let the next update begin at once" : "Have the next update begin paused"} ...${held(service)}
        command=${(m) => `sluice plan ${plan.paused ? "resume" : "pause"} ${shell(name)}${because(m)}`} run=${(m) => put(at("services", name, "plan"), { paused: !plan.paused }, m)} />`}
      <${Action} label="Delete the plan" danger reason ...${held(service)}
        ask=${leads ? `The rollout of ${name} stays where it is, paused, until it is resumed, rolled back or given a new plan.` : `The next update of ${name} goes to all replicas at once.`}
        command=${(m) => `sluice plan delete ${shell(name)}${because(m)}`} run=${(m) => remove(at("services", name, "plan"), m)} />
    </div>`}
  </section>`;
}
