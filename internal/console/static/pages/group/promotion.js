// How a canary ends: its version becomes that of the others, or it is taken out.
import { html, useState } from "../../html.js";
import { at, put, query, remove } from "../../api.js";
import { may } from "../../session.js";
import { live } from "../../live.js";
import { plural, shell } from "../../format.js";
import { Action } from "../../parts/action.js";
import { because } from "../../parts/command.js";
import { Status } from "../../parts/status.js";
import { When } from "../../parts/time.js";

const stages = { updating: "the others are updated", moving_back: "requests move back", scaling: "the canary is scaled" };

function Progress({ promotion: p }) {
  return html`<p><${Status} of=${p.phase} /> version ${p.version} of <strong>${p.canary}</strong> into ${p.into.join(", ")}${p.stage && html`: ${stages[p.stage]}`}</p>
    ${p.waiting_for && html`<p class="notice warn">It waits for ${p.waiting_for}</p>`}
    ${p.message && html`<p>${p.message}</p>`}
    <p class="faint">By ${p.creator}, <${When} at=${p.started_at} />${p.ended_at && html` to <${When} at=${p.ended_at} />`}; the canary keeps ${plural(p.keep, "replica")}.</p>`;
}

function Promote({ group, canary, again }) {
  const others = group.members.filter((m) => m.service !== canary);
  const [into, setInto] = useState(() => others.filter((m) => m.state === "grouping").map((m) => m.service));
  const [keep, setKeep] = useState("0");
  const [scale, setScale] = useState(true);
  const version = live.services.get(canary)?.current_version ?? "its";
  const chosen = into.filter((n) => others.some((m) => m.service === n));
  const n = Number(keep), lacks = chosen.length === 0 ? "choose what is updated" : Number.isInteger(n) && n >= 0 ? "" : "keep a whole number of replicas, from 0";
  return html`<${Action} label=${`Promote ${canary}…`} primary reason done=${again} lacks=${lacks} disabled=${Boolean(group.frozen) || others.length === 0} why=${group.frozen ? "it is frozen" : others.length === 0 ? "there is no other member" : ""}
    ask=${`${chosen.join(", ") || "Production"} ${chosen.length > 1 ? "are" : "is"} updated to version ${version} of ${canary}; then requests move back as far as ready replicas carry them, and ${canary} is scaled to ${keep}.`}
    form=${html`<fieldset class="gates"><legend>Into</legend>${others.map((m) => html`<label class="inline"><input type="checkbox" checked=${chosen.includes(m.service)}
        onChange=${(e) => setInto(e.target.checked ? [...chosen, m.service] : chosen.filter((x) => x !== m.service))} /> ${m.service} <span class="faint">${m.state}</span></label>`)}</fieldset>
      <label class="field"><span>Replicas the canary keeps</span><input type="number" min="0" value=${keep} onInput=${(e) => setKeep(e.target.value)} /></label>
      <label><input type="checkbox" checked=${scale} onChange=${(e) => setScale(e.target.checked)} /> scale the others up to what their traffic needs</label>`}
    command=${(m) => `sluice promote ${shell(canary)} --into ${chosen.map(shell).join(",")}${n > 0 ? ` --keep ${n}` : ""}${scale ? "" : " --scale=false"}${because(m)}`}
    run=${(m) => put(at("services", canary, "promotion"), { into: chosen, keep: n, scale }, m)} />`;
}

function Abandon({ group, canary, again }) {
  const [stop, setStop] = useState(false);
  const others = group.members.filter((m) => m.service !== canary && m.ready > 0);
  return html`<${Action} label=${`Abandon ${canary}…`} danger reason done=${again} disabled=${Boolean(group.frozen) || others.length === 0} why=${group.frozen ? "it is frozen" : others.length === 0 ? "no other member is ready" : ""}
    ask=${`${canary} gets no request of ${group.name} any more, at once; the others have its share, and a shift to it is aborted.${stop ? " Its replicas end after what they have in hand." : " Its replicas go on."}`}
    form=${html`<label><input type="checkbox" checked=${stop} onChange=${(e) => setStop(e.target.checked)} /> end its replicas, too</label>`}
    command=${(m) => `sluice abandon ${shell(canary)}${stop ? " --stop" : ""}${because(m)}`} run=${(m) => put(query(at("services", canary, "abandon"), { stop: stop || undefined }), {}, m)} />`;
}

export function Promotion({ group, again }) {
  const { promotion, members } = group;
  const least = [...members].sort((a, b) => a.share - b.share)[0]?.service;
  const [chosen, choose] = useState(null);
  const canary = members.some((m) => m.service === chosen) ? chosen : group.shift?.to && members.some((m) => m.service === group.shift.to) ? group.shift.to : least;
  const running = promotion?.phase === "running";
  return html`<section class="card" aria-labelledby="promotion-title"><h2 id="promotion-title">Promote or abandon</h2>
    ${promotion ? html`<${Progress} promotion=${promotion} />` : html`<p class="faint">Nothing was promoted yet.</p>`}
    ${may("operator") && running && html`<p class="actions"><${Action} label="End the promotion" danger reason done=${again} ask=${`The promotion of ${promotion.canary} ends where it stands. Updates that it began go on.`}
      command=${(m) => `sluice promote ${shell(promotion.canary)} --abort${because(m)}`} run=${(m) => remove(at("services", promotion.canary, "promotion"), m)} /></p>`}
    ${may("operator") && canary && html`<p class="actions">
      <label>Canary <select value=${canary} onChange=${(e) => choose(e.target.value)}>${members.map((m) => html`<option>${m.service}</option>`)}</select></label>
      ${!running && html`<${Promote} key=${canary} group=${group} canary=${canary} again=${again} />`}
      <${Abandon} key=${"abandon " + canary} group=${group} canary=${canary} again=${again} /></p>`}
  </section>`;
}
