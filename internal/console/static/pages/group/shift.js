// A gradual shift of a group's requests to one member: the one in progress or the
// last one, and the form that begins another.
import { html, useState } from "../../html.js";
import { at, put, remove } from "../../api.js";
import { may } from "../../session.js";
import { percent, shell } from "../../format.js";
import { Action } from "../../parts/action.js";
import { because } from "../../parts/command.js";
import { Record, limits, nameOf } from "../../parts/gates.js";
import { Status } from "../../parts/status.js";
import { Countdown, When } from "../../parts/time.js";

const going = (s) => Boolean(s) && (s.phase === "running" || s.phase === "paused");

function Progress({ shift: s }) {
  return html`<p><${Status} of=${s.phase} /> ${s.phase === "aborted" ? "at " : ""}${s.percent}% of the requests to <strong>${s.to}</strong>${s.next > 0 && html`, next ${s.next}%${s.next_step_at && html` <${Countdown} to=${s.next_step_at} />`}`}
      ${s.judging && html` <span class="faint">its gates are being asked</span>`}</p>
    <ol class="steps" aria-label="Steps">${s.steps.map((p) => html`<li class=${p <= s.percent ? "done" : p === s.next && going(s) ? "next" : ""} aria-current=${p === s.percent ? "step" : undefined}>${p}%</li>`)}</ol>
    ${s.waiting_for && html`<p class="notice warn">It waits for ${s.waiting_for}</p>`}
    ${s.message && html`<p>${s.message}</p>`}
    <p class="faint">By ${s.creator}, <${When} at=${s.started_at} />${s.ended_at && html` to <${When} at=${s.ended_at} />`}; interval ${s.interval}, at most ${s.max_load} times the load of a replica before${s.scale ? ", scaling as needed" : ""}.
      Before: ${s.before.map((b) => `${b.service} ${percent(b.share)}`).join(", ")}.</p>
    ${s.gates?.length > 0 && html`<p>Gates: ${s.gates.map((g) => nameOf(g) + " " + limits(g)).join("; ")}</p>`}
    ${(s.records ?? []).slice(-3).map((r) => html`<${Record} of=${r} what="Step of percent" />`)}`;
}

function Actions({ shift: s, again }) {
  const path = at("services", s.to, "shift"), name = shell(s.to), paused = s.phase === "paused", word = paused ? "resume" : "pause";
  return html`<p class="actions">
    <${Action} label=${paused ? "Resume the shift" : "Pause the shift"} primary=${paused} done=${again} command=${(m) => `sluice shift ${word} ${name}${because(m)}`} run=${(m) => put(path, { paused: !paused }, m)} />
    <${Action} label="Abort the shift" danger reason done=${again} command=${(m) => `sluice shift abort ${name}${because(m)}`} run=${(m) => remove(path, m)}
      ask=${`The requests are divided as before the shift to ${s.to}, at once: ${s.before.map((b) => `${b.service} ${percent(b.share)}`).join(", ")}.`} /></p>`;
}

const gateKinds = [
  { metric: "error_rate", label: "Error rate, above the others' by at most", limit: "max_difference", value: "1%" },
  { metric: "latency_p95", label: "Latency p95, times the others' at most", limit: "max_ratio", value: "1.5" },
];

function GateFields({ gates, set }) {
  return html`<fieldset class="gates"><legend>Gates after each step</legend>${gateKinds.map((k) => html`<p class="inline">
      <label><input type="checkbox" checked=${k.metric in gates} onChange=${(e) => { const next = { ...gates }; if (e.target.checked) next[k.metric] = k.value; else delete next[k.metric]; set(next); }} /> ${k.label}</label>
      ${k.metric in gates && html`<input class="short" value=${gates[k.metric]} aria-label=${k.label} onInput=${(e) => set({ ...gates, [k.metric]: e.target.value })} />`}</p>`)}
    <small>Others, such as Prometheus queries, with <code>sluice shift NAME -f FILE</code>.</small></fieldset>`;
}

const parse = (text) => text.split(/[\s,]+/).filter(Boolean).map(Number);

function wrong({ steps, interval }) {
  if (steps.length === 0 || steps.some((p, i) => !Number.isInteger(p) || p < 1 || p > 100 || (i > 0 && p <= steps[i - 1]))) return "steps are whole percentages that ascend, as 1, 5, 25";
  return /^(\d+(h|m|s))+$/.test(interval) ? "" : "an interval is written as 90s, 5m or 1h";
}

function Begin({ group, again }) {
  const least = [...group.members].sort((a, b) => a.share - b.share)[0]?.service ?? "";
  const [name, setName] = useState(least);
  const [text, setText] = useState("1, 5, 25, 50, 100");
  const [interval, setInterval] = useState("5m");
  const [load, setLoad] = useState("1.25");
  const [scale, setScale] = useState(true);
  const [gates, setGates] = useState({});
  const [onFail, setOnFail] = useState("pause");
  const body = { steps: parse(text), interval, max_load: Number(load), scale };
  if (Object.keys(gates).length > 0) body.gates = gateKinds.filter((k) => k.metric in gates).map((k) => ({ metric: k.metric, [k.limit]: gates[k.metric], on_fail: onFail }));
  const lacks = wrong(body) || (Number(load) >= 1 ? "" : "a load is a number from 1");
  const command = (m) => (body.gates ? `printf '%s' ${shell(JSON.stringify(body))} | sluice shift ${shell(name)} -f -` : `sluice shift ${shell(name)} --steps ${body.steps.join(",")} --interval ${interval} --max-load ${load}${scale ? " --scale" : ""}`) + because(m);
  return html`<${Action} label="Shift requests…" reason done=${again} disabled=${Boolean(group.frozen) || group.members.length < 2} why=${group.frozen ? "it is frozen" : group.members.length < 2 ? "it takes two members" : ""}
    lacks=${lacks} command=${command} run=${(m) => put(at("services", name, "shift"), body, m)}
    ask=${lacks ? "Requests go to a member in steps." : `${name} gets ${body.steps.join("%, ")}% of the requests of ${group.name}, a step every ${interval}, each only when ready replicas carry it.`}
    form=${html`<label class="field"><span>To</span><select value=${name} onChange=${(e) => setName(e.target.value)}>${group.members.map((m) => html`<option>${m.service}</option>`)}</select></label>
      <label class="field"><span>Steps, in percent</span><input value=${text} onInput=${(e) => setText(e.target.value)} /></label>
      <label class="field"><span>Interval</span><input value=${interval} onInput=${(e) => setInterval(e.target.value)} /><small>from when a step is carried to the next</small></label>
      <label class="field"><span>Most load of a replica</span><input type="number" min="1" max="1000" step="0.05" value=${load} onInput=${(e) => setLoad(e.target.value)} /><small>times what one carried before; a step that needs more waits</small></label>
      <label><input type="checkbox" checked=${scale} onChange=${(e) => setScale(e.target.checked)} /> scale it to what a step needs</label>
      <${GateFields} gates=${gates} set=${setGates} />
      ${body.gates && html`<label class="field"><span>When a gate fails</span><select value=${onFail} onChange=${(e) => setOnFail(e.target.value)}><option value="pause">pause, and wait for somebody</option><option value="rollback">abort: back to the split before</option></select></label>`}`} />`;
}

export function Shift({ group, again }) {
  const { shift } = group;
  return html`<section class="card" aria-labelledby="shift-title"><h2 id="shift-title">Gradual shift</h2>
    ${shift ? html`<${Progress} shift=${shift} />` : html`<p class="faint">There was none.</p>`}
    ${going(shift) ? html`<${Actions} shift=${shift} again=${again} />` : may("operator") && html`<p><${Begin} group=${group} again=${again} /></p>`}
  </section>`;
}
