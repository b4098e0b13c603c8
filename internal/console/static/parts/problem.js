// What went wrong, and what to do next.
import { html } from "../html.js";

export function Problem({ of, again }) {
  if (!of) return null;
  return html`<div class="notice bad" role="alert">
    <p><strong>${of.message}</strong></p>
    ${of.errors?.length > 1 && html`<ul>${of.errors.map((e) => html`<li><code>${e.path}</code> ${e.message}</li>`)}</ul>`}
    ${of.hint && html`<p>${of.hint}</p>`}
    ${again && html`<button type="button" onClick=${again}>Try again</button>`}
  </div>`;
}

// Loading stands where something is being read; it is silent when that is quick.
export const Loading = ({ what = "Loading" }) => html`<p class="loading" role="status">${what}…</p>`;
