// The members of a group and how its requests are divided: as set, as measured,
// and, while somebody drags a weight, as it would be.
import { html, useState } from "../../html.js";
import { at, put } from "../../api.js";
import { may } from "../../session.js";
import { live } from "../../live.js";
import { Link, to } from "../../router.js";
import { percent, shell } from "../../format.js";
import { Action } from "../../parts/action.js";
import { because } from "../../parts/command.js";
import { Status } from "../../parts/status.js";
import { sharesOf, totalOf, withWeight } from "../../parts/share.js";

const most = 1000;

const Bar = ({ share, label }) => html`<span class="share"><meter min="0" max="1" value=${share} aria-label=${label}></meter> ${percent(share)}</span>`;

// changesOf lists what differs from what is set: {service, weight, traffic_state},
// those that rise first, so that no step on the way leaves nobody any share.
function changesOf(draft, members) {
  return draft.map((d, i) => {
    const m = members[i], change = { service: d.service, rise: d.weight - m.weight };
    if (d.weight !== m.weight) change.weight = d.weight;
    if (d.state !== m.state) change.traffic_state = d.state;
    return change;
  }).filter((c) => c.weight !== undefined || c.traffic_state !== undefined).sort((a, b) => b.rise - a.rise);
}

async function release(changes, message) {
  const said = [];
  for (const { service, rise, ...change } of changes) {
    try {
      const answer = await put(at("services", service, "release"), change, message);
      said.push(answer.text, ...(answer.warnings ?? []));
    } catch (e) {
      if (said.length > 0) e.message = `set so far: ${said.join("; ")}. Then ${service}: ${e.message}`;
      throw e;
    }
  }
  return { text: said.join("; ") };
}

const commandOf = (changes, message) => changes.map((c) => `sluice release ${shell(c.service)}` + (c.weight === undefined ? "" : ` --weight ${c.weight}`)
  + (c.traffic_state ? ` --state ${c.traffic_state}` : "") + because(message)).join(" && ");

function Mode({ group, again }) {
  const auto = group.traffic_mode === "auto", next = auto ? "customized" : "auto";
  return html`<${Action} label=${auto ? "Divide by weight…" : "Divide by replicas…"} reason done=${again} disabled=${Boolean(group.frozen)} why=${group.frozen && "it is frozen"}
    ask=${auto ? `${group.name} divides by weights from now on. Weights are written in exactly the present proportion: no request moves.`
      : `${group.name} divides by ready replicas from now on; weights count no more. Shares may change at once.`}
    command=${(m) => `sluice group set ${shell(group.name)} --mode ${next}${because(m)}`} run=${(m) => put(at("groups", group.name), { traffic_mode: next }, m).then(() => ({ text: `${group.name} is ${next}` }))} />`;
}

export function Members({ group, again }) {
  const [draft, setDraft] = useState(null);
  const [keep, setKeep] = useState(true);
  const { members, traffic_mode: mode, name } = group;
  const stale = draft && draft.map((d) => d.service).join() !== members.map((m) => m.service).join();
  const shown = (stale ? null : draft)?.map((d, i) => ({ ...members[i], weight: d.weight, state: d.state })) ?? members;
  const changes = changesOf(shown, members);
  const next = sharesOf(shown, mode), total = totalOf(shown), wasTotal = totalOf(members) || 100;
  const custom = mode === "customized", able = may("operator");
  const shifting = group.shift?.phase === "running";
  const full = keep ? wasTotal : Math.min(most, Math.max(100, ...shown.map((m) => m.weight)));
  const weigh = (service, weight) => {
    const n = Math.max(0, Math.min(most, Math.round(Number(weight) || 0)));
    const joined = shown.map((m) => (m.service === service ? { ...m, weight: n } : m));
    setDraft(keep && shown.find((m) => m.service === service).state === "grouping" ? withWeight(joined, service, n, wasTotal) : joined);
  };
  const join = (service, state) => {
    const joined = shown.map((m) => (m.service === service ? { ...m, state, weight: custom && state === "grouping" ? Math.max(0, m.weight) : m.weight } : m));
    setDraft(joined);
  };
  const ask = `At the address of ${name}: ` + shown.map((m, i) => `${m.service} gets ${percent(next.get(m.service))} (now ${percent(members[i].share)})`).join(", ") + ". It is in force at every gateway when it is answered.";
  const why = group.frozen ? "it is frozen" : shifting && changes.some((c) => c.weight !== undefined) ? "a shift is in progress: pause it first" : total === 0 && custom ? "nobody would get a request" : "";
  // The column of what would be is always there: one that came with the first
  // change would move the slider away under the mouse that drags it.
  return html`<section class="card" aria-labelledby="members-title"><h2 id="members-title">Members</h2>
    <p>${custom ? "Requests are divided by weight." : "Requests are divided by ready replicas."} ${able && html`<${Mode} group=${group} again=${() => { setDraft(null); again(); }} />`}</p>
    ${members.length === 0 ? html`<p class="empty">It has no member. A service joins by metadata.group in its service file.</p>` : html`
    <div class="scroll" tabindex="0" role="region" aria-label=${"Members of " + name}><table class="rows members">
      <thead><tr>${["Service", "State", "Weight", "Share set", "Share measured", ...(able ? ["Share then"] : [])].map((t) => html`<th scope="col">${t}</th>`)}<th scope="col" class="number">Ready</th></tr></thead>
      <tbody>${shown.map((m, i) => html`<tr key=${m.service}>
        <td data-title="Service"><${Link} href=${to("services", m.service)}>${m.service}</${Link}> <span class="faint">version ${live.services.get(m.service)?.current_version ?? "–"}</span></td>
        <td data-title="State">${able ? html`<select value=${m.state} aria-label=${"State of " + m.service} onChange=${(e) => join(m.service, e.target.value)}><option>grouping</option><option>standalone</option></select>` : html`<${Status} of=${m.state} />`}</td>
        <td data-title="Weight">${custom && able ? html`<span class="weight"><input type="range" min="0" max=${full} value=${Math.max(0, m.weight)} aria-label=${"Weight of " + m.service} aria-valuetext=${`${Math.max(0, m.weight)}, ${percent(next.get(m.service))} of the requests`}
            onInput=${(e) => weigh(m.service, e.target.value)} /><input type="number" min="0" max=${most} value=${Math.max(0, m.weight)} aria-label=${"Weight of " + m.service + " as a number"} onChange=${(e) => weigh(m.service, e.target.value)} /></span>`
          : m.weight < 0 ? html`<span class="faint">–</span>` : m.weight}</td>
        <td data-title="Share set"><${Bar} share=${members[i].share} label=${"Share set of " + m.service} /></td>
        <td data-title="Share measured">${m.measured === null ? html`<span class="faint" title="no request in the last minute">–</span>` : html`<${Bar} share=${m.measured} label=${"Share measured of " + m.service} />`}</td>
        ${able && html`<td data-title="Share then"><strong class=${changes.length > 0 ? "" : "faint"}><${Bar} share=${next.get(m.service)} label=${"Share then of " + m.service} /></strong></td>`}
        <td data-title="Ready" class="number">${m.ready} / ${m.desired}</td></tr>`)}</tbody>
      ${custom && html`<tfoot><tr><td colspan="2">Total</td><td colspan=${able ? 5 : 4}>${total}${changes.length > 0 && total !== wasTotal && ` (now ${totalOf(members)})`}</td></tr></tfoot>`}
    </table></div>
    ${able && html`<p class="actions">
      ${custom && html`<label><input type="checkbox" checked=${keep} onChange=${(e) => setKeep(e.target.checked)} /> keep the total at ${wasTotal}${wasTotal === 100 ? ": a weight is a percentage" : ""}</label>`}
      <${Action} label=${custom ? "Set weights" : "Set states"} primary disabled=${changes.length === 0 || why !== ""} why=${changes.length === 0 ? (custom ? "drag a weight" : "change a state") : why} ask=${ask} reason
        command=${(m) => commandOf(changes, m)} run=${(m) => release(changes, m)} done=${() => { setDraft(null); again(); }} />
      ${changes.length > 0 && html`<button type="button" onClick=${() => setDraft(null)}>As it is</button>`}
    </p>`}
    <p class="faint" role="status">${changes.length > 0 ? "Then: " + shown.map((m) => `${m.service} ${percent(next.get(m.service))}`).join(", ") : ""}</p>`}
  </section>`;
}
