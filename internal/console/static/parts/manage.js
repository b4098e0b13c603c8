// What can be done to a service besides an update: scale, restart, stop, start,
// roll back, freeze, delete.
import { html, useState } from "../html.js";
import { at, put, remove, useGet } from "../api.js";
import { useLive } from "../live.js";
import { go } from "../router.js";
import { plural, shell } from "../format.js";
import { Action } from "./action.js";
import { because } from "./command.js";
import { Freeze, Unfreeze } from "./freeze.js";
import { RollBack, active, backTo, frozenWhy, held } from "./rollback.js";

function Scale({ service }) {
  const { name, replicas, revision } = service;
  const [wanted, want] = useState("");
  const n = wanted === "" ? replicas.desired : Number(wanted);
  const good = Number.isInteger(n) && n >= 0;
  const same = n === replicas.desired, frozen = frozenWhy(service);
  return html`<div class="inline"><label><span class="hidden">Replicas</span>
      <input type="number" min="0" step="1" inputmode="numeric" value=${wanted === "" ? replicas.desired : wanted} onInput=${(e) => want(e.target.value)} aria-label="Replicas" /></label>
    <${Action} label=${same || !good ? "Scale" : `Scale ${name} to ${n}`} disabled=${same || !good || frozen !== ""} why=${good ? frozen : "a whole number from 0 on"}
      ask=${`${name} goes from ${plural(replicas.desired, "replica")} to ${n}, at once${n === 0 ? ": nothing answers its requests then" : ""}.`} reason danger=${n === 0}
      command=${(m) => `sluice scale ${shell(name)} ${n}${because(m)} --wait`}
      run=${(m) => put(at("services", name, "scale"), { instance: n }, m, revision)} done=${() => want("")} /></div>`;
}

export function Manage({ service }) {
  const { name, status, replicas, rollout } = service;
  const told = useLive((l) => l.events.findLast((e) => e.service === name && /^Rollback(Im)?[Pp]ossible$/.test(e.reason))?.seq); // a preflight says something else
  const { value } = useGet(at("services", name, "versions"), [service.current_version, service.latest_version, rollout?.phase, told]);
  const to = value ? backTo(service, value.versions) : 0;
  const busy = active(rollout);
  const stopped = status === "stopped" || status === "stopping";
  const frozen = frozenWhy(service);
  const simple = (label, what, ask, danger, more = {}) => html`<${Action} label=${label} ask=${ask} danger=${danger} reason ...${more}
    command=${(m) => `sluice ${what} ${shell(name)}${because(m)} --wait`} run=${(m) => put(at("services", name, what), {}, m)} />`;
  return html`<section class="card" aria-labelledby="manage-title"><h2 id="manage-title">Manage</h2>
    <div class="stack">
      <${Scale} service=${service} />
      ${value && html`<${RollBack} service=${service} version=${value.versions.find((v) => v.number === to)} />`}
      ${simple(`Restart ${name}`, "restart", `All ${replicas.desired} replicas of ${name} are replaced by new ones of version ${service.current_version}, within the bounds.`, false,
    { disabled: busy || stopped || frozen !== "", why: stopped ? "it is stopped" : busy ? "a rollout is in progress" : frozen })}
      ${stopped ? simple(`Start ${name}`, "start", `${name} starts again with ${plural(replicas.desired, "replica")}.`, false, held(service))
    : simple(`Stop ${name}`, "stop", `All replicas of ${name} end, after what they have in hand; then nothing answers its requests. Its versions stay.`, true, held(service))}
      ${service.frozen ? html`<${Unfreeze} kind="services" name=${name} frozen=${service.frozen} />` : html`<${Freeze} things=${[{ kind: "services", name }]} label=${`Freeze ${name}…`} />`}
      <${Action} label=${`Delete ${name}`} role="admin" danger reason typed=${name} ...${held(service)} ask=${`${name} and all its versions are deleted for good. Requests in hand are finished first.`}
        command=${(m) => `sluice delete ${shell(name)} --yes${because(m)} --wait`} run=${(m) => remove(at("services", name), m)} done=${() => go("/")} />
    </div>
  </section>`;
}
