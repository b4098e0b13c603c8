// The form to update a service, field by field.
import { html } from "../html.js";
import { envAt, fields, look, shown } from "./updatefields.js";

const mask = "********";

function Input({ field, value, change }) {
  const input = (e) => change(e.target.value);
  switch (field.kind) {
    case "flag": return html`<select value=${value} onChange=${input}><option value="">default</option><option value="true">on</option><option value="false">off</option></select>`;
    case "choice": return html`<select value=${value} onChange=${input}><option value="">default</option>${field.options.map((o) => html`<option value=${o}>${o}</option>`)}</select>`;
    case "area": return html`<textarea class="small" value=${value} spellcheck=${false} onInput=${input}></textarea>`;
    default: return html`<input value=${value} inputmode=${field.kind === "number" ? "decimal" : undefined} spellcheck=${false} autocomplete="off"
      placeholder=${field.kind === "count" ? "a number, or a percentage as 25%" : field.unit ?? ""} onInput=${input} />`;
  }
}

// Variables({list, change}): a secret's value is shown masked; sent back so, it
// stays what it is.
function Variables({ list, change }) {
  const set = (i, more) => change(list.map((v, j) => (j === i ? { ...v, ...more } : v)));
  return html`<fieldset class="variables"><legend>Environment variables</legend>
    ${list.map((v, i) => html`<div class="inline" key=${i}>
      <input aria-label=${`Name of variable ${i + 1}`} value=${v.name} spellcheck=${false} onInput=${(e) => set(i, { name: e.target.value.trim() })} />
      <input aria-label=${`Value of ${v.name || "variable " + (i + 1)}`} value=${v.value ?? ""} spellcheck=${false} autocomplete="off"
        title=${v.secret && v.value === mask ? "kept as it is, unless another value is typed" : undefined}
        onFocus=${(e) => v.secret && v.value === mask && e.target.select()} onInput=${(e) => set(i, { value: e.target.value })} />
      <label><input type="checkbox" checked=${Boolean(v.secret)} onChange=${(e) => set(i, { secret: e.target.checked, ...(v.value === mask && !e.target.checked ? { value: "" } : {}) })} /> secret</label>
      <button type="button" class="quiet" aria-label=${"Remove " + (v.name || "the variable")} onClick=${() => change(list.filter((_, j) => j !== i))}>✕</button>
    </div>`)}
    <button type="button" onClick=${() => change([...list, { name: "", value: "" }])}>Add a variable</button>
    <p class="faint">A secret is shown as ${mask} and kept as long as that stands there.</p>
  </fieldset>`;
}

// UpdateForm({config, edits, env, edit, setEnv, bounds}): config is what is in
// force, edits and env what was typed over it.
export function UpdateForm({ config, edits, env, edit, setEnv, bounds }) {
  const uses = look(config, ["containers", 0, "script"]) !== undefined ? "command" : "script"; // one of both runs
  const group = look(config, ["metadata", "resource"]);
  const one = (field) => {
    const was = shown(look(config, field.at));
    const value = edits[field.id] ?? was;
    const typed = field.id in edits && value !== was;
    return html`<div class=${"field" + (typed ? " edited" : "")} key=${field.id}>
      <label><span>${field.label}${field.unit && html` <span class="faint">(${field.unit})</span>`}</span><${Input} field=${field} value=${value} change=${(text) => edit(field.id, text)} /></label>
      <small>${field.standard && `Default: ${field.standard(bounds, group)}. `}${field.trade}${typed && html` <strong>Was: ${was || (field.standard ? "the default" : "empty")}.</strong>`}</small>
    </div>`;
  };
  const list = fields.filter((f) => f.id !== uses);
  return html`<div class="columns">
    <div><h3>What runs</h3>${list.slice(5).map(one)}
      <${Variables} list=${env ?? look(config, envAt) ?? []} change=${setEnv} /></div>
    <div><h3>How replicas are replaced and end</h3>${list.slice(0, 5).map(one)}</div>
  </div>`;
}
