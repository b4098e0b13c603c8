// What happened: new events as they come, above those from before.
import { html, useMemo, useRef, useState } from "../html.js";
import { at, query, useGet } from "../api.js";
import { live, useLive, useTurn } from "../live.js";
import { Link, to } from "../router.js";
import { plural, shell } from "../format.js";
import { Command } from "../parts/command.js";
import { Choice, Words, agoOf, spans, useFilters } from "../parts/filters.js";
import { Loading, Problem } from "../parts/problem.js";
import { ServiceHead } from "../parts/servicehead.js";
import { Status } from "../parts/status.js";
import { Table } from "../parts/table.js";
import { When } from "../parts/time.js";
import { stylesheet } from "../parts/stylesheet.js";

await stylesheet("lists.css");

const names = ["service", "type", "reason", "rollout", "version", "replica", "actor", "since"];
const first = 200, most = 1000;

// takes tells whether an event of the stream is among those asked for, as the
// server does for those from before.
export function takes(f, e, now = Date.now()) {
  return (!f.service || e.service === f.service) && (!f.type || e.type === f.type) && (!f.reason || e.reason === f.reason) && (!f.rollout || e.rollout === f.rollout)
    && (!f.version || e.version === Number(f.version)) && (!f.replica || e.replica === f.replica) && (!f.actor || e.actor === f.actor)
    && (!f.since || Date.parse(e.time) >= (agoOf(f.since) > 0 ? now - agoOf(f.since) : Date.parse(f.since)));
}

// What an event is of is a service or a group, there still or not.
function subject(name) {
  if (live.services.has(name)) return html`<${Link} href=${to("services", name)}>${name}</${Link}>`;
  const group = [...live.services.values()].some((s) => s.group === name);
  return group ? html`<${Link} href=${to("groups", name)}>${name}</${Link}>` : html`<span>${name}</span>`;
}

const columns = (f) => [
  { title: "Time", cell: (e) => html`<${When} at=${e.time} />` },
  ...(f.service ? [] : [{ title: "Service", cell: (e) => subject(e.service) }]),
  { title: "Type", cell: (e) => html`<${Status} of=${e.type} />` },
  { title: "Reason", cell: (e) => html`<strong>${e.reason}</strong>` },
  { title: "Message", cell: (e) => html`<span class="long">${e.message}</span>` },
  { title: "About", cell: (e) => html`<span>${e.version > 0 && html`<${Link} href=${to("services", e.service, "versions", String(e.version))}>version ${e.version}</${Link}>`}${e.replica && html` <code>${e.replica}</code>`}${e.rollout && html` <${Link} href=${to("services", e.service, "rollouts", e.rollout)}>rollout</${Link}>`}</span>` },
  { title: "By", cell: (e) => e.actor || html`<span class="faint">Sluice</span>` },
];

export function Events() {
  const [f, set] = useFilters(...names);
  const [limit, setLimit] = useState(first);
  const [follow, setFollow] = useState(true);
  const { service, ...rest } = f;
  const path = service ? at("services", service, "events") : "/events";
  const { value, problem, again, loading } = useGet(query(path, { ...rest, limit }), [useTurn()]);
  const newest = useLive((l) => l.events.at(-1)?.seq);
  const held = useRef([]);
  const rows = useMemo(() => {
    if (!follow) return held.current;
    const by = new Map((value?.events ?? []).map((e) => [e.seq, e]));
    for (const e of live.events) if (takes(f, e)) by.set(e.seq, e);
    return (held.current = [...by.values()].sort((a, b) => b.seq - a.seq).slice(0, Math.max(limit, first)));
  }, [value, newest, follow, limit, names.map((n) => f[n]).join("\n")]);
  const set0 = (name, v) => { setLimit(first); set(name, v); };
  const field = { values: f, set: set0 };
  const flags = names.filter((n) => n !== "service" && f[n]).map((n) => ` --${n} ${shell(f[n])}`).join("");
  const shown = live.services.get(service);
  return html`${shown ? html`<${ServiceHead} service=${shown} at="events" />` : html`<header class="page"><h1>Events</h1><p class="faint">${service || "of all services"}</p></header>`}
    <div class="filters" role="search" aria-label="Filter events">
      <${Words} label="Service" name="service" known=${[...live.services.keys()].sort()} ...${field} />
      <${Choice} label="Type" name="type" of=${[["", "any"], ["normal", "normal"], ["warning", "warning"]]} ...${field} />
      <${Words} label="Reason" name="reason" known=${[...new Set(rows.map((e) => e.reason))].sort()} ...${field} />
      <${Words} label="Version" name="version" width="5rem" ...${field} />
      <${Words} label="Rollout" name="rollout" ...${field} />
      <${Words} label="Replica" name="replica" ...${field} />
      <${Words} label="By" name="actor" ...${field} />
      <${Choice} label="In the last" name="since" of=${spans} ...${field} />
      <label class="inline"><input type="checkbox" checked=${follow} onChange=${(e) => setFollow(e.target.checked)} /> follow</label>
    </div>
    <${Problem} of=${problem} again=${again} />
    ${!value && !problem && html`<${Loading} what="Reading the events" />`}
    ${(value || rows.length > 0) && html`<${Table} label="Events, the newest first" columns=${columns(f)} rows=${rows} id=${(e) => e.seq} empty="Nothing like that has happened." />
      <p class="actions"><span class="faint" role="status">${plural(rows.length, "event")}${follow ? "" : ", held"}</span>
        ${limit < most && (value?.events.length ?? 0) >= limit && html`<button type="button" disabled=${loading} onClick=${() => setLimit(most)}>Up to ${most}</button>`}</p>`}
    ${service && html`<${Command} text=${`sluice events ${shell(service)}${flags}`} />`}`;
}
