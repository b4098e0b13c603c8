// The command that does the same, for copying.
import { html, useState } from "../html.js";
import { shell } from "../format.js";

// Copy puts a text into the clipboard; what names it for screen readers.
export function Copy({ text, what }) {
  const [copied, set] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      set(true);
      setTimeout(() => set(false), 1500);
    } catch {
      set(false);
    }
  };
  return html`<button type="button" class="quiet" onClick=${copy} aria-label=${"Copy " + what}>${copied ? "Copied" : "Copy"}</button>`;
}

export function Command({ text }) {
  return html`<div class="command">
    <code tabindex="0">${text}</code>
    <${Copy} text=${text} what=${"the command: " + text} />
  </div>`;
}

// because is the flag that gives a message, for the end of a command.
export const because = (message) => (message ? " -m " + shell(message) : "");
