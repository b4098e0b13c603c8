// Stopping everything: every rollout and shift at once, and changes for a while.
import { html } from "../../html.js";
import { put, useGet } from "../../api.js";
import { live, useVersion } from "../../live.js";
import { Link, to } from "../../router.js";
import { plural } from "../../format.js";
import { Action } from "../../parts/action.js";
import { because } from "../../parts/command.js";
import { Freeze, Unfreeze } from "../../parts/freeze.js";
import { Problem } from "../../parts/problem.js";
import { Table } from "../../parts/table.js";
import { When } from "../../parts/time.js";

const going = (s) => s.rollout && ["pending", "running"].includes(s.rollout.phase);

export function Stop() {
  useVersion();
  const all = [...live.services.values()];
  const seen = all.map((s) => s.group + s.revision).join();
  const { value, problem, again } = useGet("/groups", [seen]);
  const groups = value?.groups ?? [];
  const running = all.filter(going).length, shifting = groups.filter((g) => g.shift?.phase === "running").length;
  const frozen = [...groups.filter((g) => g.frozen).map((g) => ({ kind: "groups", name: g.name, frozen: g.frozen })),
    ...all.filter((s) => s.frozen).map((s) => ({ kind: "services", name: s.name, frozen: s.frozen }))];
  // A group's freeze holds for its members, so they need none of their own.
  const things = [...groups.map((g) => ({ kind: "groups", name: g.name })), ...all.filter((s) => s.group === "").map((s) => ({ kind: "services", name: s.name }))];
  const columns = [
    { title: "Frozen", cell: (f) => html`<${Link} href=${to(f.kind, f.name)}>${f.name}</${Link}> <span class="faint">${f.kind === "groups" ? "group" : ""}</span>` },
    { title: "Until", cell: (f) => html`<${When} at=${f.frozen.until} />` },
    { title: "Why", cell: (f) => html`<span class="long">${f.frozen.reason} <span class="faint">by ${f.frozen.by}</span></span>` },
    { title: "Actions", cell: (f) => html`<${Unfreeze} ...${f} done=${again} />` },
  ];
  return html`<section class="card" aria-labelledby="stop-title"><h2 id="stop-title">Stop and freeze</h2>
    <p>${running + shifting === 0 ? "No rollout or shift is running." : `${plural(running, "rollout")} and ${plural(shifting, "shift")} running.`}</p>
    <${Problem} of=${problem} again=${again} />
    <div class="actions">
      <${Action} label="Pause every rollout and shift" danger reason done=${again} command=${(m) => `sluice pause --all${because(m)}`}
        ask=${`Every rollout and every shift of this server is paused at once (${running + shifting} running now). What serves goes on; each is resumed by itself.`}
        run=${async (m) => { const { paused } = await put("/rollouts", { paused: true }, m); return { text: paused.length === 0 ? "nothing was running" : "paused: " + paused.join(", ") }; }} />
      ${value && things.length > 0 && html`<${Freeze} things=${things} label="Freeze everything…" done=${again}
        ask=${`Every change of ${plural(groups.length, "group")} with members and ${plural(things.length - groups.length, "other service")} is refused until then, but for a pause and the replacement of one replica.`} />`}
    </div>
    ${value && html`<${Table} label="What is frozen" columns=${columns} rows=${frozen} id=${(f) => f.kind + f.name} empty="Nothing is frozen." />`}
  </section>`;
}
