// Copies of requests: from which member to which service, and how many.
import { html, useState } from "../../html.js";
import { at, put, remove } from "../../api.js";
import { may } from "../../session.js";
import { live, useService } from "../../live.js";
import { shell } from "../../format.js";
import { Action } from "../../parts/action.js";
import { because } from "../../parts/command.js";

function Copy({ service, members, mirror }) {
  const others = members.filter((n) => n !== service);
  const [target, setTarget] = useState(mirror?.to ?? others[0] ?? "");
  const [ratio, setRatio] = useState(String(mirror?.ratio ?? 10));
  const n = Number(ratio), lacks = target === "" || target === service ? "choose another service" : Number.isInteger(n) && n >= 1 && n <= 100 ? "" : "1 to 100 of a hundred are copied";
  return html`<${Action} label=${mirror ? "Change…" : `Copy requests of ${service}…`} reason lacks=${lacks}
    ask=${`${ratio} of a hundred requests of ${service} are copied to ${target || "another service"}. The answers are thrown away but measured; no caller waits for a copy.`}
    form=${html`<label class="field"><span>To</span><input list="mirror-to" value=${target} onInput=${(e) => setTarget(e.target.value.trim())} />
        <datalist id="mirror-to">${[...live.services.keys()].filter((s) => s !== service).slice(0, 200).map((s) => html`<option value=${s}></option>`)}</datalist></label>
      <label class="field"><span>Of a hundred requests</span><input type="number" min="1" max="100" value=${ratio} onInput=${(e) => setRatio(e.target.value)} /></label>`}
    command=${(m) => `sluice mirror ${shell(service)} --to ${shell(target)} --ratio ${ratio}${because(m)}`} run=${(m) => put(at("services", service, "mirror"), { to: target, ratio: n }, m)} />`;
}

function Mirror({ service, members, frozen }) {
  const mirror = useService(service)?.mirror ?? null;
  const able = !frozen && may("operator");
  return html`<li class="inline"><strong>${service}</strong> ${mirror ? html`${mirror.ratio} of a hundred to ${mirror.to}` : html`<span class="faint">no copies</span>`}
    ${able && html`<${Copy} service=${service} members=${members} mirror=${mirror} />`}
    ${able && mirror && html`<${Action} label="Copy no more" reason ask=${`No request of ${service} is copied to ${mirror.to} any more.`}
      command=${(m) => `sluice mirror ${shell(service)} --off${because(m)}`} run=${(m) => remove(at("services", service, "mirror"), m)} />`}</li>`;
}

export function Mirrors({ group }) {
  const members = group.members.map((m) => m.service);
  return html`<section class="card" aria-labelledby="mirrors-title"><h2 id="mirrors-title">Copies of requests</h2>
    <ul class="plain">${members.map((s) => html`<${Mirror} key=${s} service=${s} members=${members} frozen=${Boolean(group.frozen)} />`)}</ul></section>`;
}
