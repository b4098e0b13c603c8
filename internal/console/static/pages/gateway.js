// The data plane: each gateway process, and what is in hand at replicas that end.
import { html } from "../html.js";
import { put, query } from "../api.js";
import { live } from "../live.js";
import { Link, to } from "../router.js";
import { duration, number, plural } from "../format.js";
import { Action } from "../parts/action.js";
import { Words, useFilters } from "../parts/filters.js";
import { Loading, Problem } from "../parts/problem.js";
import { useRefreshed } from "../parts/refreshed.js";
import { Status } from "../parts/status.js";
import { Table } from "../parts/table.js";
import { Ago, Countdown } from "../parts/time.js";
import { versionColor } from "../parts/versioncolor.js";
import { stylesheet } from "../parts/stylesheet.js";

await stylesheet("lists.css");

const none = html`<span class="faint">–</span>`;
const age = (seconds) => (seconds === null ? none : duration(seconds));

const gateways = (revision) => [
  { title: "Gateway", cell: (g) => html`<strong>${g.id}</strong> <span class="faint">pid ${g.pid}</span>` },
  { title: "State", cell: (g) => html`<span><${Status} of=${g.state} />${!g.connected && html` <${Status} of="warning" title="it is waited for until its lease of 10 s has run out" /> not connected`}</span>` },
  { title: "Serves at", cell: (g) => html`<code>${g.listen}</code>` },
  { title: "Routing table", cell: (g) => html`<span title=${`acknowledged ${g.acked} of ${revision}`}>${g.acked >= revision ? "the newest" : `${g.acked} of ${revision}`}</span>` },
  { title: "In flight", number: true, cell: (g) => number(g.in_flight) },
  { title: "Oldest request", number: true, cell: (g) => age(g.oldest_seconds) },
  { title: "Heard", cell: (g) => html`<${Ago} at=${g.seen_at} />` },
];

const replicas = [
  { title: "Replica", cell: (r) => html`<span><${Link} href=${to("services", r.service)}>${r.service}</${Link}> <code>${r.replica}</code></span>` },
  { title: "Version", cell: (r) => html`<span class=${"version-number " + versionColor(r.version)}>${r.version}</span>` },
  { title: "Phase", cell: (r) => html`<${Status} of=${r.phase} />` },
  { title: "In flight", number: true, cell: (r) => number(r.in_flight) },
  { title: "Oldest request", number: true, cell: (r) => age(r.oldest_seconds) },
  { title: "Draining since", cell: (r) => (r.draining_since ? html`<${Ago} at=${r.draining_since} />` : none) },
  { title: "Cut at the latest", cell: (r) => (r.deadline ? html`<${Countdown} to=${r.deadline} />` : r.draining_since ? html`<span class="faint">when every gateway has let go of it</span>` : none) },
  { title: "At", cell: (r) => r.gateways.join(", ") || none },
];

function Restart() {
  return html`<${Action} label="Restart the gateway" danger command="sluice gateway restart" run=${() => put("/gateway/restart").then((g) => ({ text: `${g.id} (pid ${g.pid}) took over from ${g.before}` }))}
    ask="Another process takes over the listening socket once it has the routing table; no request is lost. Streams and WebSockets end in the old one. It puts the gateway's settings of the configuration file, and another build of the program, in force." />`;
}

export function Gateway() {
  const [f, set] = useFilters("service");
  const { value, problem, again } = useRefreshed(query("/gateways", { service: f.service }), 2);
  const loads = [...(value?.replicas ?? [])].sort((a, b) => Boolean(b.draining_since) - Boolean(a.draining_since) || (b.oldest_seconds ?? -1) - (a.oldest_seconds ?? -1));
  const draining = loads.filter((r) => r.draining_since).length;
  return html`<header class="page"><h1>Gateway</h1>
      <p class="faint">${value ? `${plural(value.gateways.length, "process", "processes")}, routing table ${value.revision}` : ""}</p>
      <div class="actions"><${Restart} /></div></header>
    <${Problem} of=${problem} again=${again} />
    ${!value && !problem && html`<${Loading} what="Asking the gateways" />`}
    ${value && html`
      <${Table} label="Gateways" columns=${gateways(value.revision)} rows=${value.gateways} id=${(g) => g.id} empty="No gateway is known: nobody's request is answered." />
      <h2 class="section">In hand <span class="faint" role="status">${draining > 0 ? plural(draining, "replica drains", "replicas drain") : "nothing drains"}</span></h2>
      <div class="filters"><${Words} label="Service" name="service" values=${f} set=${set} known=${[...live.services.keys()].sort()} /></div>
      <${Table} label="Replicas with requests in hand" columns=${replicas} rows=${loads} id=${(r) => r.service + "/" + r.replica}
        empty=${f.service ? "It has no replica." : "No request is in hand and no replica drains."} />`}`;
}
