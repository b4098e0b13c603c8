// What was measured of a service, by version, with a mark for each step of its
// rollouts.
import { html, useMemo, useRef, useState } from "../html.js";
import { at, query } from "../api.js";
import { exact, latency, local, number, plural } from "../format.js";
import { versionColor } from "./versioncolor.js";
import { Plot, dash } from "./plot.js";
import { columns, measures, numbersOf, summary, windowOf } from "./measured.js";
import { useFilters } from "./filters.js";
import { useRefreshed } from "./refreshed.js";
import { Loading, Problem } from "./problem.js";
import { Table } from "./table.js";
import { stylesheet } from "./stylesheet.js";

await stylesheet("chart.css");

const windows = [[15, "15 min"], [60, "1 h"], [360, "6 h"], [1440, "24 h"]];
const every = 10; // s; what the server measures in
const bad = /fail|paus|rolledback|rollback|abort/i;

// Swatch shows a version's line.
export const Swatch = ({ version }) => html`<svg class=${"chart-swatch " + versionColor(version)} width="28" height="8" viewBox="0 0 28 8" aria-hidden="true">
  <line x1="1" y1="4" x2="27" y2="4" stroke="currentColor" stroke-width="2.5" stroke-dasharray=${dash(version).join(" ") || "none"} /></svg>`;

const numbers = [
  { title: "Time", cell: (r) => html`<time datetime=${r.at} title=${exact(r.at)}>${local(r.at)}</time>` },
  { title: "Version", number: true, cell: (r) => r.version },
  { title: "Requests/s", number: true, cell: (r) => number(r.requests_per_second) },
  { title: "Errors/s", number: true, cell: (r) => number(r.errors_per_second) },
  ...["p50", "p95", "p99"].map((q) => ({ title: q, number: true, cell: (r) => latency(r[q]) })),
  { title: "Ready", number: true, cell: (r) => r.ready },
];

// Numbers is all that the charts show as a table, made when it is asked for.
function Numbers({ series }) {
  const [open, set] = useState(false);
  return html`<details onToggle=${(e) => set(e.currentTarget.open)}><summary>The numbers as a table</summary>
    ${open && html`<${Table} label="Measured numbers, the newest first" columns=${numbers} rows=${numbersOf(series)} id=${(r) => r.at + "/" + r.version} />`}
  </details>`;
}

function Marks({ marks }) {
  if (marks.length === 0) return null;
  return html`<details><summary>${plural(marks.length, "step")} of rollouts, the lines in the charts</summary>
    <ol class="chart-marks">${marks.map((m) => html`<li><time datetime=${m.at} title=${exact(m.at)}>${local(m.at)}</time> <strong>${m.kind}</strong> ${m.text}${m.actor && html` <span class="faint">by ${m.actor}</span>`}</li>`)}</ol>
  </details>`;
}

// Charts({service, minutes, from, to, marks}): the last minutes (60 unless told;
// the reader may choose, which the address keeps), or, with from, the time from there to to (now without
// one) with a margin. from and to are times as the API writes them. marks [{at,
// kind, text, actor}] replace those that the server tells. Read again every 10 s
// while the page is visible.
export function Charts({ service, minutes = 60, from, to, marks }) {
  const [place, setPlace] = useFilters("minutes");
  const chosen = windows.some(([n]) => String(n) === place.minutes) ? Number(place.minutes) : minutes;
  const past = useMemo(() => (from ? windowOf(from, to) : null), [from, to, Math.floor(Date.now() / 60_000)]);
  const gone = Boolean(from) && past === null;
  const wanted = past ? past.minutes : chosen;
  const { value, problem, again } = useRefreshed(gone ? null : query(at("services", service, "series"), { minutes: wanted }), every);
  const last = useRef(null);
  if (value) last.current = value;
  const series = last.current; // while another window is read
  const grid = useMemo(() => (series ? columns(series) : null), [series]);
  if (gone) return html`<p class="empty">Measured numbers are kept for a day; this was longer ago.</p>`;
  const shown = (marks ?? series?.marks ?? []).map((m) => ({ ...m, bad: bad.test(m.kind) }));
  const label = windows.find(([n]) => n === chosen)?.[1] ?? chosen + " min";
  return html`<div class="charts">
    <div class="charts-head">
      ${!past && html`<div role="group" aria-label="Time shown" class="chart-window">${windows.map(([n, text]) => html`
        <button type="button" aria-pressed=${chosen === n} onClick=${() => setPlace("minutes", n === minutes ? "" : String(n))}>${text}</button>`)}</div>`}
      ${grid && html`<ul class="chart-legend" aria-label="Versions">${grid.versions.map((n) => html`<li><${Swatch} version=${n} /> version ${n}</li>`)}</ul>`}
    </div>
    <${Problem} of=${problem} again=${again} />
    ${!series && !problem && html`<${Loading} what="Reading what was measured" />`}
    ${series && series.points.length === 0 && html`<p class="empty">Nothing was measured${past ? " then" : " in the last " + label}. Numbers come from requests through the gateway.</p>`}
    ${series && series.points.length > 0 && html`
      <div class="charts-grid">${measures.map((m) => html`<${Plot} key=${m.field} measure=${m} grid=${grid} marks=${shown}
        range=${past ? [past.from, past.to] : null} sync=${"charts of " + service} label=${summary(m, grid)} />`)}</div>
      <${Marks} marks=${shown} />
      <${Numbers} series=${series} />`}
  </div>`;
}
