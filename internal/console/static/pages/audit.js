// Who asked for which change, and what became of it.
import { html, useRef, useState } from "../html.js";
import { get, query } from "../api.js";
import { may } from "../session.js";
import { live } from "../live.js";
import { Link, to } from "../router.js";
import { plural, shell } from "../format.js";
import { Command } from "../parts/command.js";
import { Choice, Words, spans, useFilters } from "../parts/filters.js";
import { Loading, Problem } from "../parts/problem.js";
import { useRefreshed } from "../parts/refreshed.js";
import { Status } from "../parts/status.js";
import { Table } from "../parts/table.js";
import { When } from "../parts/time.js";
import { stylesheet } from "../parts/stylesheet.js";

await stylesheet("lists.css");

const names = ["service", "actor", "outcome", "since", "until"];
const perPage = 100;
const every = 5; // s

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

// joined is what is known with the newest page laid over it, both ascending. Where
// more has been asked for since than a page holds, the page alone is: a log with a
// hole in it would look whole.
export function joined(known, page, most = perPage) {
  if (page.length === 0 || known.length === 0) return page.length === 0 ? known : page;
  if (page.length >= most && page[0].seq > known.at(-1).seq) return page;
  return [...known.filter((e) => e.seq < page[0].seq), ...page];
}

// useLog follows the log, which is in no stream, and reads further back when more
// is called: from the time of the oldest entry that is known, which is asked for
// again, as others may be of the same millisecond.
function useLog(path, filters) {
  const got = useRefreshed(path, every);
  const held = useRef(null);
  const [state, set] = useState({ busy: false, problem: null });
  if (held.current?.path !== path) held.current = { path, page: null, entries: [], whole: false };
  const log = held.current;
  if (got.path === path && got.value && got.value !== log.page) {
    const entries = joined(log.entries, got.value.audit);
    const whole = entries[0] === log.entries[0] ? log.whole : got.value.audit.length < perPage;
    Object.assign(log, { page: got.value, entries, whole });
  }
  const more = async () => {
    set({ busy: true, problem: null });
    try {
      const until = new Date(Date.parse(log.entries[0].time) + 1).toISOString();
      const { audit } = await get(query("/audit", { ...filters, until, limit: perPage }));
      const older = audit.filter((e) => e.seq < log.entries[0].seq);
      Object.assign(log, { entries: [...older, ...log.entries], whole: older.length === 0 });
      set({ busy: false, problem: null });
    } catch (problem) {
      set({ busy: false, problem });
    }
  };
  return { read: log.page !== null, entries: log.entries, whole: log.whole, more, older: state, problem: got.problem, again: got.again };
}

export function Audit() {
  const [f, set] = useFilters(...names);
  const log = useLog(may("admin") ? query("/audit", { ...f, limit: perPage }) : null, f);
  const rows = [...log.entries].reverse();
  const field = { values: f, set };
  if (!may("admin")) return html`<header class="page"><h1>Audit</h1></header><p>Reading who asked for what takes a token of role admin.</p>`;
  const flags = names.filter((n) => f[n]).map((n) => ` --${n} ${shell(f[n])}`).join("");
  return html`<header class="page"><h1>Audit</h1><p class="faint">every change that was asked for</p>
      <div class="actions"><a class="button" href=${query("/api/v1/audit", { ...f, format: "jsonl" })} download="audit.jsonl">Export as JSON lines</a></div></header>
    <div class="filters" role="search" aria-label="Filter the audit log">
      <${Words} label="Service or group" name="service" known=${[...live.services.keys()].sort()} ...${field} />
      <${Words} label="Who" name="actor" ...${field} />
      <${Choice} label="Outcome" name="outcome" of=${[["", "any"], ["done", "done"], ["unchanged", "unchanged"], ["refused", "refused"], ["failed", "failed"]]} ...${field} />
      <${Choice} label="In the last" name="since" of=${spans} ...${field} />
      <${Words} label="Before" name="until" like="1h, or a time" ...${field} />
    </div>
    <${Problem} of=${log.problem} again=${log.again} />
    ${!log.read && !log.problem && html`<${Loading} what="Reading the audit log" />`}
    ${log.read && html`<${Table} label="Audit log, the newest first" columns=${columns} rows=${rows} id=${(e) => e.seq} empty="Nothing like that was asked for." />
      <${Problem} of=${log.older.problem} />
      <p class="actions"><span class="faint" role="status">${plural(rows.length, "entry", "entries")}</span>
        ${!log.whole && html`<button type="button" disabled=${log.older.busy} onClick=${log.more}>${log.older.busy ? "Reading…" : "Older ones"}</button>`}</p>`}
    <${Command} text=${`sluice audit${flags}`} />`;
}
