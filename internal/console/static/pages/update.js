// Updating a service: say what shall be different, see what that would do, and
// only then do it.
import { html, useEffect, useMemo, useState } from "../html.js";
import { at, post, put, query, useGet } from "../api.js";
import { may } from "../session.js";
import { useService } from "../live.js";
import { go, to } from "../router.js";
import { shell } from "../format.js";
import { Command, because } from "../parts/command.js";
import { Loading, Problem } from "../parts/problem.js";
import { Previewed, willDo } from "../parts/previewed.js";
import { frozenWhy } from "../parts/rollback.js";
import { ServiceHead, useThere } from "../parts/servicehead.js";
import { UpdateForm } from "../parts/updateform.js";
import { edited, sets } from "../parts/updatefields.js";
import { toYAML } from "../parts/yaml.js";

const unset = { metadata: { rolling_strategy: { max_surge: null, max_unavailable: null } } };

// useStandard asks what the bounds would be if the file named none: their defaults
// for this service's resource group and number of replicas. null: not known.
function useStandard(name) {
  const [bounds, set] = useState(null);
  useEffect(() => {
    let over = false;
    post(at("services", name, "preview"), unset).then((p) => over || set(p.bounds), () => {}); // the form then says the rule alone
    return () => { over = true; };
  }, [name]);
  return bounds;
}

// command is what does the same in a terminal.
function command(name, mode, replace, list, message) {
  const end = `${because(message)} --wait`;
  if (mode === "file" || list === null) return `sluice update ${shell(name)} -f FILE${replace || mode === "form" ? " --replace" : ""}${end}`;
  return `sluice update ${shell(name)}${list.map((s) => " --set " + shell(s)).join("")}${end}`;
}

// Outcome is the preview of a body and, from it, the button that does it.
function Outcome({ name, body, replace, revision, frozen, cli, reread }) {
  const [looked, setLooked] = useState({});
  const [busy, setBusy] = useState("");
  const [problem, setProblem] = useState(null);
  const [message, setMessage] = useState("");
  const kind = replace ? "replace" : "merge";
  const key = kind + revision + body;
  const fresh = looked.preview && looked.key === key;
  const p = looked.preview;
  const doing = async (what, call) => {
    setBusy(what);
    setProblem(null);
    try {
      await call();
    } catch (e) {
      setProblem(e);
    } finally {
      setBusy("");
    }
  };
  const preview = () => doing("preview", async () => setLooked({ key, preview: await post(query(at("services", name, "preview"), { update_type: kind }), body) }));
  const update = () => doing("update", async () => {
    await put(query(at("services", name), { update_type: kind }), body, message, revision);
    go(to("services", name));
  });
  const idle = fresh && p.outcome === "nothing";
  return html`<section class="card" aria-labelledby="preview-title"><h2 id="preview-title">Preview</h2>
    <div class="actions"><button type="button" class=${fresh ? "" : "primary"} disabled=${busy !== ""} onClick=${preview}>${busy === "preview" ? "Looking…" : fresh ? "Preview again" : "Preview"}</button>
      <span class="faint" role="status">${!p ? "Nothing is changed by it." : fresh ? "" : "What is below is of what stood here before: preview again."}</span></div>
    <${Problem} of=${problem} />
    ${problem?.status === 412 && html`<p><button type="button" onClick=${() => { setProblem(null); reread(); }}>Read the service again, and keep what I typed</button></p>`}
    ${p && html`<div class=${fresh ? "" : "old-preview"}><${Previewed} preview=${p} /></div>`}
    ${fresh && !idle && html`
      <label class="field"><span>Why (for the record)</span><input value=${message} maxlength="1000" onInput=${(e) => setMessage(e.target.value)} /></label>
      <div class="actions"><button type="button" class="primary" disabled=${busy !== "" || frozen !== ""} onClick=${update}>${busy === "update" ? "Working…" : willDo(p, name)}</button>
        ${frozen && html`<span class="why">${frozen}</span>`}</div>
      <${Command} text=${cli(message)} />`}
  </section>`;
}

function FileText({ text, set, replace, setReplace }) {
  return html`
    <fieldset class="choice"><legend class="hidden">What the text is</legend>
      <label><input type="radio" name="whole" checked=${replace} onChange=${() => setReplace(true)} /> the whole file</label>
      <label><input type="radio" name="whole" checked=${!replace} onChange=${() => setReplace(false)} /> only what changes: laid over the file in force (lists are replaced, null removes)</label></fieldset>
    <label class="field"><span>Service file, YAML or JSON</span><textarea class="file" spellcheck=${false} value=${text} onInput=${(e) => set(e.target.value)}></textarea></label>
    <p class="faint">Secrets are shown as ******** and kept as long as that stands there. Relative paths are meant from the service's working_dir.</p>`;
}

function Form({ name, config, revision, reread }) {
  const live = useService(name);
  const bounds = useStandard(name);
  const [mode, setMode] = useState("form");
  const [edits, setEdits] = useState({});
  const [env, setEnv] = useState(null);
  const [text, setText] = useState(null);
  const [replace, setReplace] = useState(true);
  const next = useMemo(() => edited(config, edits, env), [config, edits, env]);
  const file = text ?? toYAML(next);
  const whole = mode === "form" || replace;
  const moved = live && live.revision !== revision;
  const list = useMemo(() => (mode === "form" ? sets(config, next) : null), [mode, config, next]);
  return html`
    ${moved && html`<div class="notice warn" role="alert"><p><strong>${name} was changed meanwhile</strong> (revision ${revision} is now ${live.revision}). What you typed is kept.</p>
      <button type="button" onClick=${reread}>Read it again</button></div>`}
    <section class="card" aria-labelledby="form-title">
      <h2 id="form-title">What shall be different</h2>
      <fieldset class="choice"><legend class="hidden">How to edit</legend>
        <label><input type="radio" name="mode" checked=${mode === "form"} onChange=${() => setMode("form")} /> field by field</label>
        <label><input type="radio" name="mode" checked=${mode === "file"} onChange=${() => setMode("file")} /> the file as text</label></fieldset>
      ${mode === "form"
    ? html`<${UpdateForm} config=${config} edits=${edits} env=${env} bounds=${bounds} edit=${(id, value) => setEdits((e) => ({ ...e, [id]: value }))} setEnv=${setEnv} />`
    : html`<${FileText} text=${file} set=${setText} replace=${replace} setReplace=${setReplace} />`}
      <div class="actions"><button type="button" class="quiet" onClick=${() => { setEdits({}); setEnv(null); setText(null); }}>Back to what is in force</button></div>
    </section>
    <${Outcome} name=${name} body=${mode === "form" ? JSON.stringify(next) : file} replace=${whole} revision=${revision} frozen=${live ? frozenWhy(live) : ""} reread=${reread}
      cli=${(message) => command(name, mode, replace, list, message)} />`;
}

export function Update({ name }) {
  const { service, instead } = useThere(name);
  const { value, problem, again } = useGet(at("services", name), []);
  if (!service) return instead;
  return html`
    <${ServiceHead} service=${service} at="update" />
    ${!may("operator") ? html`<p>Your role may look, not change: an operator may update ${name}.</p>` : html`
      <${Problem} of=${problem} again=${again} />
      ${!value && !problem && html`<${Loading} what="Reading the service file" />`}
      ${value && html`<${Form} name=${name} config=${value.config} revision=${value.revision} reread=${again} />`}`}`;
}
