// How far a rollout is: a bar with numbers, marked where it shall stop.
import { html } from "../html.js";

export function Progress({ rollout }) {
  const { updated, total, target_updated: target } = rollout;
  const text = `${updated} of ${total} updated` + (target < total ? `, target ${target}` : "");
  return html`<span class="progress">
    <progress max=${Math.max(1, total)} value=${updated} aria-label=${text}></progress>
    <span>${text}</span>
  </span>`;
}
