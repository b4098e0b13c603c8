// Who asked for which change, and what became of it.
import { html, useEffect, useState } from "../html.js";
import { get, query, useGet } from "../api.js";
import { may } from "../session.js";
import { live } from "../live.js";
import { Link, to } from "../router.js";
import { plural, shell } from "../format.js";
import { Command } from "../parts/command.js";
import { Choice, Words, spans, useFilters } from "../parts/filters.js";
import { Loading, Problem } from "../parts/problem.js";
import { Status } from "../parts/status.js";
import { Table } from "../parts/table.js";
import { When } from "../parts/time.js";
import { stylesheet } from "../parts/stylesheet.js";

await stylesheet("lists.css");

const names = ["service", "actor", "outcome", "since", "until"];
const perPage = 100;

const about = (e) => (e.service ? html`<${Link} href=${to("services", e.service)}>${e.service}</${Link}>`
  : e.group ? html`<${Link} href=${to("groups", e.group)}>${e.group}</${Link}>` : e.token_name ? html`token ${e.token_name}` : html`<span class="faint">–</span>`);

const columns = [
  { title: "Time", cell: (e) => html`<${When} at=${e.time} />` },
  { title: "Who", cell: (e) => html`<span>${e.actor || html`<span class="faint">nobody known</span>`} <span class="faint">${e.role} ${e.remote}</span></span>` },
  { title: "Asked for", cell: (e) => html`<span title=${e.method + " " + e.path}>${e.operation || e.method + " " + e.path}</span>` },
  { title: "About", cell: about },
  { title: "Outcome", cell: (e) => html`<span><${Status} of=${e.outcome} />${e.times > 1 && html` <span class="faint">${e.times} times</span>`}</span>` },
  { title: "What", cell: (e) => html`<span class="long">${e.text || e.detail || e.code || "–"}${e.message && html` <em>“${e.message}”</em>`}</span>` },
];

// useOlder reads further pages: each from the time of the oldest entry that is
// known, which is asked for again, as others may be of the same millisecond.
function useOlder(filters, page) {
  const [older, set] = useState({ entries: [], over: false, busy: false, problem: null });
  useEffect(() => set({ entries: [], over: false, busy: false, problem: null }), [page]);
  const all = [...older.entries, ...(page?.audit ?? [])];
  const more = async () => {
    set((was) => ({ ...was, busy: true, problem: null }));
    try {
      const until = new Date(Date.parse(all[0].time) + 1).toISOString();
      const { audit } = await get(query("/audit", { ...filters, until, limit: perPage }));
      const known = new Set(all.map((e) => e.seq));
      const fresh = audit.filter((e) => !known.has(e.seq));
      set((was) => ({ ...was, busy: false, over: fresh.length === 0, entries: [...fresh, ...was.entries] }));
    } catch (problem) {
      set((was) => ({ ...was, busy: false, problem }));
    }
  };
  return { all, more, ...older };
}

export function Audit() {
  const [f, set] = useFilters(...names);
  const { value, problem, again } = useGet(may("admin") ? query("/audit", { ...f, limit: perPage }) : null);
  const older = useOlder(f, value);
  const rows = [...older.all].reverse();
  const field = { values: f, set };
  if (!may("admin")) return html`<header class="page"><h1>Audit</h1></header><p>Reading who asked for what takes a token of role admin.</p>`;
  const flags = names.filter((n) => f[n]).map((n) => ` --${n} ${shell(f[n])}`).join("");
  return html`<header class="page"><h1>Audit</h1><p class="faint">every change that was asked for</p>
      <div class="actions"><button type="button" onClick=${again}>Read again</button>
        <a class="button" href=${query("/api/v1/audit", { ...f, format: "jsonl" })} download="audit.jsonl">Export as JSON lines</a></div></header>
    <div class="filters" role="search" aria-label="Filter the audit log">
      <${Words} label="Service or group" name="service" known=${[...live.services.keys()].sort()} ...${field} />
      <${Words} label="Who" name="actor" ...${field} />
      <${Choice} label="Outcome" name="outcome" of=${[["", "any"], ["done", "done"], ["unchanged", "unchanged"], ["refused", "refused"], ["failed", "failed"]]} ...${field} />
      <${Choice} label="In the last" name="since" of=${spans} ...${field} />
      <${Words} label="Before" name="until" like="1h, or a time" ...${field} />
    </div>
    <${Problem} of=${problem} again=${again} />
    ${!value && !problem && html`<${Loading} what="Reading the audit log" />`}
    ${value && html`<${Table} label="Audit log, the newest first" columns=${columns} rows=${rows} id=${(e) => e.seq} empty="Nothing like that was asked for." />
      <${Problem} of=${older.problem} />
      <p class="actions"><span class="faint" role="status">${plural(rows.length, "entry", "entries")}</span>
        ${!older.over && value.audit.length >= perPage && html`<button type="button" disabled=${older.busy} onClick=${older.more}>${older.busy ? "Reading…" : "Older ones"}</button>`}</p>`}
    <${Command} text=${`sluice audit${flags}`} />`;
}
