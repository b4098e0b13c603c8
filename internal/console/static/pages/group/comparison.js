// The members of a group side by side over the same window, and what gates make
// of each.
import { html, useState } from "../../html.js";
import { at, query } from "../../api.js";
import { latency, number, percent, shell } from "../../format.js";
import { Command } from "../../parts/command.js";
import { Loading, Problem } from "../../parts/problem.js";
import { useRefreshed } from "../../parts/refreshed.js";
import { Status } from "../../parts/status.js";
import { Table } from "../../parts/table.js";

const looks = { pass: "ok", fail: "failed", no_data: "unknown", unsure: "unknown" };

const columns = (reference) => [
  { title: "Service", cell: (m) => html`<strong>${m.service}</strong>${m.service === reference && html` <span class="faint">reference</span>`}` },
  { title: "Share set", number: true, cell: (m) => percent(m.share) },
  { title: "Measured", number: true, cell: (m) => percent(m.measured) },
  { title: "Requests/s", number: true, cell: (m) => number(m.requests_per_second) },
  { title: "Requests", number: true, cell: (m) => number(m.requests) },
  { title: "Errors", number: true, cell: (m) => number(m.errors) + (m.requests > 0 && m.errors > 0 ? ` (${percent(m.errors / m.requests)})` : "") },
  { title: "p50", number: true, cell: (m) => latency(m.latency_p50) },
  { title: "p95", number: true, cell: (m) => latency(m.latency_p95) },
  { title: "p99", number: true, cell: (m) => latency(m.latency_p99) },
  { title: "Judged", cell: (m) => (m.results.length === 0 ? html`<span class="faint">–</span>` : html`<ul class="plain">${m.results.map((r) => html`<li><${Status} of=${looks[r.outcome]} title=${r.outcome} /> ${r.gate}: ${r.message}</li>`)}</ul>`) },
];

export function Comparison({ name }) {
  const [window, setWindow] = useState("1m");
  const { value, problem, again } = useRefreshed(query(at("groups", name, "traffic"), { window }), 5);
  return html`<section class="card" aria-labelledby="comparison-title"><h2 id="comparison-title">Measured side by side</h2>
    <p><label>In the last <select value=${window} onChange=${(e) => setWindow(e.target.value)}><option value="30s">30 seconds</option><option value="1m">minute</option><option value="5m">5 minutes</option></select></label></p>
    <${Problem} of=${problem} again=${again} />
    ${!value && !problem && html`<${Loading} what="Reading what was measured" />`}
    ${value && html`<${Table} label="Members side by side" columns=${columns(value.reference)} rows=${value.members} id=${(m) => m.service} empty="It has no member." />`}
    <${Command} text=${`sluice compare-traffic ${shell(name)} --window ${window}`} />
  </section>`;
}
