// The state of a service, a replica or a rollout in one word, by colour, sign and
// text: colour alone says nothing.
import { html } from "../html.js";

const looks = {
  running: ["good", "●"], ready: ["good", "●"], completed: ["good", "✓"], ok: ["good", "✓"], accepting: ["good", "●"], done: ["good", "✓"],
  creating: ["busy", "◐"], updating: ["busy", "◐"], scaling: ["busy", "◐"], starting: ["busy", "◐"], pending: ["busy", "○"], stopping: ["busy", "◌"], draining: ["busy", "◌"],
  deleting: ["busy", "◌"], retiring: ["busy", "◌"], in_effect: ["busy", "◐"], judging: ["busy", "◐"], waiting: ["busy", "○"], batch_completed: ["good", "✓"],
  paused: ["warn", "‖"], degraded: ["warn", "▲"], unready: ["warn", "▲"], rolled_back: ["warn", "↩"], superseded: ["calm", "»"], changed: ["warn", "▲"], unknown: ["calm", "?"],
  refused: ["warn", "✕"], unchanged: ["calm", "="],
  failed: ["bad", "✕"], missing: ["bad", "✕"], warning: ["warn", "▲"],
  stopped: ["calm", "■"], normal: ["calm", "·"], standalone: ["calm", "○"], grouping: ["good", "●"],
};

export function Status({ of, title }) {
  const [tone, sign] = looks[of] ?? ["calm", "·"];
  return html`<span class="status ${tone}" title=${title}><span aria-hidden="true">${sign}</span> ${String(of).replaceAll("_", " ")}</span>`;
}
