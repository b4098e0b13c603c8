// Whether one can go back to a version, as the last preflight saw it: a button
// that opens the findings, another look in full, and, where it would fail, the
// way to do it all the same.
import { html, useState } from "../html.js";
import { at, get, query } from "../api.js";
import { Dialog } from "./action.js";
import { Command } from "./command.js";
import { Loading, Problem } from "./problem.js";
import { Findings, RollBack, frozenWhy, obstacle } from "./rollback.js";
import { Status } from "./status.js";
import { When } from "./time.js";
import { shell } from "../format.js";

// Verdict({service, version, done}): version as the API lists it; done is called
// when there was a look in full, which the server remembers.
export function Verdict({ service, version, done }) {
  const [open, setOpen] = useState(false);
  const [full, setFull] = useState(null);
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const { name } = service, n = version.number;
  const preflight = full ?? version.preflight;
  const look = async () => {
    setBusy(true);
    setProblem(null);
    try {
      const { preflights } = await get(query(at("services", name, "preflight"), { version: n }));
      setFull(preflights[0] ?? null);
      done?.();
    } catch (e) {
      setProblem(e);
    } finally {
      setBusy(false);
    }
  };
  return html`<button type="button" class="quiet" onClick=${() => setOpen(true)} aria-label=${`Preflight of version ${n}: ${preflight?.verdict ?? "not looked at"}`}>
      <${Status} of=${preflight?.verdict ?? "unknown"} /></button>
    ${open && html`<${Dialog} wide title=${`Can ${name} go back to version ${n}?`} close=${() => setOpen(false)}>
      ${preflight ? html`<${Findings} of=${preflight} /><p class="faint">Looked at <${When} at=${preflight.checked_at} />${full ? ", in full" : ", at what costs little"}.</p>`
        : html`<p class="empty">Nobody has looked yet.</p>`}
      ${preflight && !preflight.findings?.length && html`<p class="faint">It refers to no file or image that could be gone.</p>`}
      <${Problem} of=${problem} />
      ${busy && html`<${Loading} what="Reading files and asking registries" />`}
      <${Command} text=${`sluice preflight ${shell(name)} ${n}`} />
      <footer>
        <button type="button" class="primary" disabled=${busy} onClick=${look}>${busy ? "Checking…" : "Check in full"}</button>
        ${obstacle(preflight) && !version.current && html`<${RollBack} service=${service} version=${{ ...version, preflight }} />`}
        <button type="button" onClick=${() => setOpen(false)}>Close</button>
      </footer>
    </${Dialog}>`}`;
}

// RollBackRow is the button in a row: greyed out with the reason for the current
// version, in a freeze and for one that would fail, which the verdict beside it leads on from.
export function RollBackRow({ service, version }) {
  const doubt = obstacle(version.preflight);
  const why = version.current ? "it is the current version" : doubt ? "would fail: " + doubt : frozenWhy(service);
  if (!why) return html`<${RollBack} service=${service} version=${version} />`;
  return html`<span class="action"><button type="button" disabled title=${why} aria-describedby=${"why-" + version.number}>Roll back to version ${version.number}</button>
    <span class="why" id=${"why-" + version.number}>${why}</span></span>`;
}
