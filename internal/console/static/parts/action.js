// A button that changes something. It says what it will do, shows the command
// that does the same, asks once before what is dangerous and names the thing,
// and says what came of it.
import { html, useEffect, useRef, useState } from "../html.js";
import { may } from "../session.js";
import { Command } from "./command.js";
import { Problem } from "./problem.js";

// Dialog is a modal; close is called for Escape and the close button. What is to be
// filled in first has the focus.
export function Dialog({ title, close, children, wide }) {
  const ref = useRef(null);
  useEffect(() => {
    const d = ref.current;
    if (!d.open) d.showModal();
    d.querySelector("input:not(:disabled), select:not(:disabled), textarea")?.focus();
    return () => d.open && d.close();
  }, []);
  return html`<dialog ref=${ref} class=${wide ? "wide" : ""} aria-label=${title} onCancel=${(e) => { e.preventDefault(); close(); }}>
    <header><h2>${title}</h2><button type="button" class="quiet" onClick=${close} aria-label="Close">✕</button></header>
    ${children}
  </dialog>`;
}

// Action({label, role, run, command, ask, danger, reason, disabled, why}):
//   run      does it, given the message; returns the API's answer (its text is shown)
//   ask      a sentence to confirm; without it the button acts at once
//   reason   ask for a message ("why") in the dialog
//   disabled/why  greyed out, with the reason as its description
//   form     what is to be filled in, in the dialog; lacks says what is missing yet
//   typed    a name that has to be typed before it acts: for what cannot be undone
// Without the role there is no button.
export function Action({ label, role = "operator", run, command, ask, danger, reason, disabled, why, done, primary, form, lacks, typed }) {
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(null);
  const [said, setSaid] = useState("");
  const [message, setMessage] = useState("");
  const [name, setName] = useState("");
  if (!may(role)) return null;
  const act = async () => {
    setBusy(true);
    setProblem(null);
    setSaid("");
    try {
      const answer = await run(message);
      setOpen(false);
      setMessage("");
      setName("");
      setSaid(answer?.text ?? "");
      if (answer?.text) setTimeout(() => setSaid(""), 8000);
      done?.(answer);
    } catch (e) {
      setProblem(e);
      setOpen(true);
    } finally {
      setBusy(false);
    }
  };
  const asks = Boolean(ask || reason || form || typed);
  const press = () => (asks ? setOpen(true) : act());
  const look = danger ? "danger" : primary ? "primary" : "";
  const word = label.replace(/…$/, ""); // what more is asked, the dialog has
  return html`<span class="action">
    <button type="button" class=${danger && asks ? "danger outline" : look} disabled=${busy || disabled} title=${disabled ? why : undefined} onClick=${press}>${busy ? "Working…" : label}</button>
    ${disabled && why && html`<span class="why">${why}</span>`}
    ${command && !asks && html`<details class="cli"><summary aria-label=${"CLI: the command for " + label}>CLI</summary><${Command} text=${typeof command === "function" ? command(message) : command} /></details>`}
    <span class="said" role="status">${said}</span>
    ${open && html`<${Dialog} title=${word} close=${() => { setOpen(false); setProblem(null); }}>
      ${ask && html`<p>${ask}</p>`}
      ${form}
      ${typed && html`<label class="field"><span>Type ${typed} to go on</span>
        <input value=${name} autocomplete="off" spellcheck=${false} onInput=${(e) => setName(e.target.value)} /></label>`}
      ${reason && html`<label class="field"><span>Why (for the record)</span>
        <input value=${message} maxlength="1000" onInput=${(e) => setMessage(e.target.value)} /></label>`}
      <${Problem} of=${problem} />
      ${command && html`<${Command} text=${typeof command === "function" ? command(message) : command} />`}
      <footer>
        <button type="button" class=${look || "primary"} disabled=${busy || Boolean(lacks) || (typed && name !== typed)} onClick=${act}>${busy ? "Working…" : word}</button>
        <button type="button" onClick=${() => { setOpen(false); setProblem(null); }}>Cancel</button>
        ${lacks && html`<span class="why">${lacks}</span>`}
      </footer>
    </${Dialog}>`}
  </span>`;
}
