// Going back to a version: which one, whether that would work, and only then the
// button. What would fail can be forced, by someone who has read why.
import { html, useEffect, useState } from "../html.js";
import { at, get, put, query } from "../api.js";
import { may } from "../session.js";
import { shell } from "../format.js";
import { Dialog } from "./action.js";
import { Command, because } from "./command.js";
import { Loading, Problem } from "./problem.js";
import { Status } from "./status.js";

export const active = (r) => Boolean(r) && !["completed", "rolled_back", "superseded"].includes(r.phase);

// backTo is the version that a rollback without a number goes to, of the versions
// as the API lists them; 0 when there is none. It is the server's own rule.
export function backTo(service, versions) {
  if (active(service.rollout) && service.rollout.kind !== "restart" && service.rollout.from_version > 0) return service.rollout.from_version;
  return Math.max(0, ...versions.filter((v) => v.completed && v.number < service.current_version).map((v) => v.number));
}

// obstacle says why a rollback would fail, as it was seen last; "" when nothing
// is known against it.
export function obstacle(preflight) {
  const found = (preflight?.findings ?? []).filter((f) => f.blocks);
  return found.map((f) => `${f.subject}: ${f.reason}`).join("; ");
}

export function Findings({ of }) {
  return html`<p>Preflight: <${Status} of=${of.verdict} /></p>
    ${of.findings?.length > 0 && html`<ul class="findings">${of.findings.map((f) => html`
      <li><${Status} of=${f.verdict} /> <code>${f.subject}</code> ${f.reason}${f.blocks && html` <strong>A rollback would fail on it.</strong>`}</li>`)}</ul>`}`;
}

function Ask({ service, to, close, said }) {
  const { name, current_version: current, replicas } = service;
  const [look, setLook] = useState({ preflight: null, problem: null });
  const [message, setMessage] = useState("");
  const [forced, setForced] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    let over = false;
    get(query(at("services", name, "preflight"), { version: to })).then(
      ({ preflights }) => over || setLook({ preflight: preflights[0], problem: null }),
      (p) => over || setLook({ preflight: null, problem: p }));
    return () => { over = true; };
  }, [name, to]);
  const why = look.preflight ? obstacle(look.preflight) : "";
  const word = `force ${to}`;
  const force = why !== "" && forced === word;
  const roll = async () => {
    setBusy(true);
    setProblem(null);
    try {
      const answer = await put(at("services", name, "version"), { version: to, force }, message);
      said(answer.text);
      close();
    } catch (e) {
      setProblem(e);
      setBusy(false);
    }
  };
  const label = `${force ? "Force" : "Roll"} ${name} ${force ? "" : "back "}to version ${to}`;
  return html`<${Dialog} title=${`Roll ${name} back to version ${to}`} close=${close}>
    <p>${active(service.rollout) ? `The replicas that run version ${current} go` : replicas.desired === 1 ? "Its replica goes" : `All ${replicas.desired} replicas go`}${active(service.rollout) ? "" : ` from version ${current}`} to version ${to}, within the bounds of the rolling update. The number of replicas stays.</p>
    ${!look.preflight && !look.problem && html`<${Loading} what="Looking whether everything it needs is there" />`}
    ${look.preflight && html`<${Findings} of=${look.preflight} />`}
    <${Problem} of=${look.problem} />
    ${why && html`<div class="notice warn"><p><strong>It would fail.</strong> Replicas that start would not come up.</p>
      <label class="field"><span>Type “${word}” to try it nevertheless</span>
        <input value=${forced} autocomplete="off" spellcheck=${false} onInput=${(e) => setForced(e.target.value)} /></label></div>`}
    <label class="field"><span>Why (for the record)</span><input value=${message} maxlength="1000" onInput=${(e) => setMessage(e.target.value)} /></label>
    <${Problem} of=${problem} />
    <${Command} text=${`sluice rollback ${shell(name)} --to ${to}${force ? " --force" : ""}${because(message)} --wait`} />
    <footer>
      <button type="button" class="danger" disabled=${busy || (!look.preflight && !look.problem) || (why !== "" && !force)} onClick=${roll}>${busy ? "Working…" : label}</button>
      <button type="button" onClick=${close}>Cancel</button>
    </footer>
  </${Dialog}>`;
}

// frozenWhy says that changes are refused, and why; "" when they are not. Nobody
// tells when a freeze runs out, so its time is looked at.
export const frozenWhy = ({ frozen }, now = Date.now()) => (frozen && !(frozen.until && Date.parse(frozen.until) <= now) ? "frozen: " + frozen.reason : "");

// held greys an Action out while changes are refused.
export const held = (service) => (frozenWhy(service) ? { disabled: true, why: frozenWhy(service) } : {});

// RollBack({service, version}): version is one as the API lists it; without one
// the button is greyed out and says that there is none.
export function RollBack({ service, version }) {
  const [open, setOpen] = useState(false);
  const [said, setSaid] = useState("");
  if (!may("operator")) return null;
  const why = !version ? "there is no earlier version that has run" : version.number === service.current_version && !active(service.rollout) ? "it is the current one" : frozenWhy(service);
  const doubt = version ? obstacle(version.preflight) : "";
  return html`<span class="action">
    <button type="button" class=${doubt ? "" : "danger outline"} disabled=${why !== ""} title=${why || undefined} onClick=${() => setOpen(true)}>
      ${version ? (doubt ? `Look at version ${version.number}…` : `Roll back to version ${version.number}…`) : "Roll back"}</button>
    ${(why || doubt) && html`<span class="why">${why || `a rollback to version ${version.number} would fail: ${doubt}`}</span>`}
    <span class="said" role="status">${said}</span>
    ${open && html`<${Ask} service=${service} to=${version.number} said=${setSaid} close=${() => setOpen(false)} />`}
  </span>`;
}
