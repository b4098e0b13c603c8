// All services: what an operator looks at first.
import { html, useEffect, useMemo, useState } from "../html.js";
import { live, useLive, useVersion } from "../live.js";
import { Link, go, to, usePlace } from "../router.js";
import { Status } from "../parts/status.js";
import { Progress } from "../parts/progress.js";
import { Table } from "../parts/table.js";
import { Loading } from "../parts/problem.js";
import { Ago } from "../parts/time.js";
import { percent, plural } from "../format.js";

const active = (s) => s.rollout && !["completed", "rolled_back", "superseded"].includes(s.rollout.phase);

const columns = [
  { title: "Service", cell: (s) => html`<${Link} href=${to("services", s.name)}>${s.name}</${Link}>` },
  { title: "Status", cell: (s) => html`<${Status} of=${s.status} title=${s.message} />` },
  {
    title: "Version", cell: (s) => html`<${Link} href=${to("services", s.name, "versions")} title="Versions of ${s.name}">${s.current_version}</${Link}>
      ${s.latest_version !== s.current_version && html` <span class="faint">latest: ${s.latest_version}</span>`}`,
  },
  { title: "Ready", number: true, cell: (s) => `${s.replicas.ready} / ${s.replicas.desired}` },
  {
    title: "Traffic", cell: (s) => (s.group
      ? html`<${Link} href=${to("groups", s.group)}>${s.group}</${Link}> <span class="faint">${percent(s.traffic.share)}</span>`
      : html`<span class="faint">own address</span>`),
  },
  { title: "Rollout", cell: (s) => (active(s) ? html`<${Progress} rollout=${s.rollout} />` : html`<span class="faint">${s.rollout ? s.rollout.phase.replace("_", " ") : "–"}</span>`) },
  { title: "Changed", cell: (s) => html`<${Ago} at=${s.updated_at} />` },
];

const order = { failed: 0, paused: 1, degraded: 2, updating: 3, creating: 3, scaling: 3 };

export function Services() {
  useVersion();
  const loaded = useLive((l) => l.loaded);
  const { query } = usePlace();
  const [text, setText] = useState(query.get("q") ?? "");
  const wanted = query.get("status") ?? "";
  useEffect(() => setText(query.get("q") ?? ""), [query.get("q")]);
  const all = [...live.services.values()], part = text.trim().toLowerCase();
  const rows = useMemo(() => all
    .filter((s) => (s.name.includes(part) || s.group.includes(part)) && (wanted === "" || s.status === wanted))
    .sort((a, b) => (order[a.status] ?? 9) - (order[b.status] ?? 9) || (a.name < b.name ? -1 : 1)), [live.services.size, text, wanted, all]);
  const statuses = [...new Set(all.map((s) => s.status))].sort();
  const set = (key, value) => {
    const q = new URLSearchParams(location.search);
    value ? q.set(key, value) : q.delete(key);
    go("/" + (q.size ? "?" + q : ""), { replace: true });
  };
  if (!loaded) return html`<${Loading} what="Reading the services" />`;
  return html`
    <header class="page"><h1>Services</h1><p class="faint">${plural(all.length, "service")}</p></header>
    ${all.length > 0 && html`<div class="filters">
      <label><span class="hidden">Filter by name or group</span><input type="search" placeholder="Name or group" value=${text}
        onInput=${(e) => { setText(e.target.value); set("q", e.target.value); }} /></label>
      <label><span class="hidden">Filter by status</span><select value=${wanted} onChange=${(e) => set("status", e.target.value)}>
        <option value="">every status</option>${statuses.map((s) => html`<option value=${s}>${s}</option>`)}</select></label>
    </div>`}
    <${Table} label="Services" columns=${columns} rows=${rows} id=${(s) => s.name}
      empty=${all.length === 0 ? html`No service yet. <code>sluice create -f FILE</code> makes one.` : "No service is like that."} />`;
}
