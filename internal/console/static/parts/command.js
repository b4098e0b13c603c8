// The command that does the same, for copying.
import { html, useState } from "../html.js";

export function Command({ text }) {
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
  return html`<div class="command">
    <code tabindex="0">${text}</code>
    <button type="button" class="quiet" onClick=${copy} aria-label=${"Copy the command: " + text}>${copied ? "Copied" : "Copy"}</button>
  </div>`;
}
