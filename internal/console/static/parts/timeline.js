// What was done to a rollout and what it decided, in order, each with its time
// since the start.
import { html } from "../html.js";
import { duration, exact } from "../format.js";

const tones = { RolloutCompleted: "good", GatesPassed: "good", BatchCompleted: "good", RolloutPaused: "warn", RolloutRolledBack: "warn", RolloutGoesBack: "warn", PlanRollbackBegan: "warn", ReplicaFailed: "bad" };

// entries are the actions of a rollout by time, and the failures that none of them
// tells of.
function entries({ history }) {
  const told = (f) => history.actions.some((a) => a.text.includes(f.replica + " failed"));
  const failures = history.failures.filter((f) => !told(f)).map((f) => ({ at: f.at, actor: "", action: "ReplicaFailed", text: `${f.replica} of version ${f.version} failed: ${f.reason}` }));
  return [...history.actions, ...failures].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

// Timeline({rollout, last}): last shows the last that many alone.
export function Timeline({ rollout, last = Infinity }) {
  if (!rollout.history) return html`<p class="empty">An earlier release of Sluice kept no history of it.</p>`;
  const all = entries(rollout);
  const start = new Date(rollout.started_at).getTime();
  const shown = all.slice(-last);
  const left = all.length - shown.length + rollout.history.actions_left_out;
  return html`${left > 0 && html`<p class="faint">${left} earlier not shown here</p>`}
    <ol class="timeline">${shown.map((e) => html`<li class=${tones[e.action] ?? ""}>
      <time datetime=${e.at} title=${exact(e.at)}>+${duration(Math.max(0, (new Date(e.at).getTime() - start) / 1000))}</time>
      <span>${e.text}${e.actor && html` <span class="faint">by ${e.actor}</span>`}</span></li>`)}</ol>`;
}
