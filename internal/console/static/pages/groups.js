// All groups: services that share one address.
import { html, useState } from "../html.js";
import { at, post, useGet } from "../api.js";
import { live, useTurn, useVersion } from "../live.js";
import { Link, go, to } from "../router.js";
import { percent, plural, shell } from "../format.js";
import { Action } from "../parts/action.js";
import { because } from "../parts/command.js";
import { Loading, Problem } from "../parts/problem.js";
import { Status } from "../parts/status.js";
import { Table } from "../parts/table.js";

// doing says what is in progress in a group, in a word and a few figures.
export function doing(g) {
  if (g.promotion?.phase === "running") return html`<${Status} of="updating" title=${g.promotion.waiting_for} /> promotes ${g.promotion.canary}`;
  if (g.shift && ["running", "paused"].includes(g.shift.phase)) return html`<${Status} of=${g.shift.phase} title=${g.shift.waiting_for} /> ${g.shift.percent}% to ${g.shift.to}`;
  return html`<span class="faint">–</span>`;
}

const columns = [
  { title: "Group", cell: (g) => html`<${Link} href=${to("groups", g.name)}>${g.name}</${Link}>` },
  { title: "Divided", cell: (g) => (g.traffic_mode === "auto" ? "by replicas" : "by weight") },
  { title: "Members", cell: (g) => (g.members.length === 0 ? html`<span class="faint">none</span>` : g.members.map((m, i) => html`${i > 0 && ", "}<${Link} href=${to("services", m.service)}>${m.service}</${Link}> ${percent(m.share)}`)) },
  { title: "In progress", cell: doing },
  { title: "Frozen", cell: (g) => (g.frozen ? html`<${Status} of="warning" title=${g.frozen.reason} /> ${g.frozen.reason}` : html`<span class="faint">–</span>`) },
  { title: "Address", cell: (g) => html`<code>${g.endpoint}</code>` },
];

function Create({ taken }) {
  const [name, setName] = useState("");
  const good = /^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$/.test(name);
  return html`<${Action} label="Make a group…" reason run=${(m) => post("/groups", { name }, m)} done=${() => go(to("groups", name))}
    ask="Services join a group by metadata.group in their service file, which makes it, too. One that is made here stays without members."
    lacks=${name === "" ? "give it a name" : !good ? "small letters, digits, - and _, at most 63" : taken(name) ? "there is a service or group of this name" : ""}
    form=${html`<label class="field"><span>Name</span><input value=${name} onInput=${(e) => setName(e.target.value.trim())} /></label>`} command=${(m) => `sluice group create ${shell(name || "NAME")}${because(m)}`} />`;
}

// signature changes when a member's part may have; groups themselves are not in
// the stream.
function signature() {
  let text = "";
  for (const s of live.services.values()) if (s.group) text += s.name + s.group + s.revision + s.traffic.state + s.traffic.share.toFixed(4) + s.replicas.ready + " ";
  return text;
}

export function Groups() {
  useVersion();
  const { value, problem, again } = useGet("/groups", [signature(), useTurn()]);
  const groups = value?.groups ?? [];
  return html`<header class="page"><h1>Groups</h1><p class="faint">${value ? plural(groups.length, "group") : ""}</p>
      <div class="actions"><${Create} taken=${(n) => live.services.has(n) || groups.some((g) => g.name === n)} /></div></header>
    <${Problem} of=${problem} again=${again} />
    ${!value && !problem && html`<${Loading} what="Reading the groups" />`}
    ${value && html`<${Table} label="Groups" columns=${columns} rows=${groups} id=${(g) => g.name} empty=${html`No group yet: services that name the same <code>metadata.group</code> share one address.`} />`}`;
}
