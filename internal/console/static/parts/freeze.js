// Refusing changes for a while: of a service, of a group and its members, or of
// everything.
import { html, useState } from "../html.js";
import { at, put, remove } from "../api.js";
import { plural, shell } from "../format.js";
import { Action } from "./action.js";
import { because } from "./command.js";

// later is a time so many hours from now as a datetime-local input has it.
function later(hours) {
  const t = new Date(Date.now() + hours * 3600_000);
  return new Date(t - t.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

const refused = "Every change is refused until then, but for a pause and the replacement of one replica.";

// Freeze({things, label, ask, done}): things is a list of {kind, name}, kind
// services or groups; they are frozen one after another.
export function Freeze({ things, label, ask = refused, done }) {
  const [until, setUntil] = useState(() => later(2));
  const [reason, setReason] = useState("");
  const time = new Date(until);
  const past = !(time > new Date());
  const flags = `--until ${past ? "TIME" : time.toISOString()} --reason ${shell(reason || "REASON")}`;
  const run = async (message) => {
    let n = 0;
    for (const { kind, name } of things) {
      try {
        await put(at(kind, name, "freeze"), { until: time.toISOString(), reason }, message);
      } catch (e) {
        if (n > 0) e.message = `${plural(n, "freeze")} of ${things.length} set, then ${name}: ${e.message}`;
        throw e;
      }
      n++;
    }
    return { text: n === 1 ? `changes of ${things[0].name} are refused` : `changes of all ${n} are refused` };
  };
  return html`<${Action} label=${label} ask=${ask} reason run=${run} done=${() => { setReason(""); done?.(); }}
    lacks=${past ? "choose a time in the future" : reason.trim() === "" ? "say what a refused change is told" : ""}
    form=${html`<label class="field"><span>Until</span><input type="datetime-local" value=${until} onInput=${(e) => setUntil(e.target.value)} /></label>
      <label class="field"><span>What a refused change is told</span><input value=${reason} maxlength="1000" onInput=${(e) => setReason(e.target.value)} /></label>`}
    command=${(m) => (things.length === 1 ? `sluice freeze ${shell(things[0].name)} ${flags}${because(m)}` : `for name in ${things.map((t) => shell(t.name)).join(" ")}; do sluice freeze "$name" ${flags}${because(m)}; done`)} />`;
}

// Unfreeze({kind, name, frozen, done}): frozen as the API shows it.
export const Unfreeze = ({ kind, name, frozen, done }) => html`<${Action} label=${`Unfreeze ${name}`} reason done=${done}
  ask=${`Changes of ${name} are allowed again. It was frozen by ${frozen.by}: ${frozen.reason}`}
  command=${(m) => `sluice unfreeze ${shell(name)}${because(m)}`} run=${(m) => remove(at(kind, name, "freeze"), m)} />`;
