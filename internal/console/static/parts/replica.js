// One replica, looked at closely: what it is, what it wrote last, and having it
// replaced.
import { html, useEffect, useLayoutEffect, useRef, useState } from "../html.js";
import { at, get, query, remove, text } from "../api.js";
import { plural, shell } from "../format.js";
import { Action, Dialog } from "./action.js";
import { Command } from "./command.js";
import { Problem } from "./problem.js";
import { Status } from "./status.js";
import { Ago } from "./time.js";

const every = 2000; // ms
const tail = 60; // lines

// useClose reads the replica and the end of its log as long as it is shown.
function useClose(service, first) {
  const [state, set] = useState({ replica: first, log: null, problem: null, gone: false });
  useEffect(() => {
    let over = false, timer = 0;
    const read = async () => {
      const [replica, log] = await Promise.allSettled([
        get(at("services", service, "replicas", first.id)),
        text(query(at("services", service, "logs"), { replica: first.id, tail })),
      ]);
      if (over) return;
      set((was) => ({
        replica: replica.value ?? was.replica, log: log.value ?? was.log, gone: replica.reason?.status === 404,
        problem: replica.reason && replica.reason.status !== 404 ? replica.reason : null,
      }));
      timer = setTimeout(read, every);
    };
    read();
    return () => { over = true; clearTimeout(timer); };
  }, [service, first.id]);
  return state;
}

// Log keeps its end in view, unless somebody has scrolled up.
function Log({ text: lines }) {
  const pre = useRef(null);
  const low = useRef(true);
  useLayoutEffect(() => { if (low.current) pre.current.scrollTop = pre.current.scrollHeight; }, [lines]);
  const look = (e) => { low.current = e.target.scrollTop + e.target.clientHeight > e.target.scrollHeight - 8; };
  return html`<pre class="log" tabindex="0" ref=${pre} onScroll=${look}>${lines}</pre>`;
}

export function ReplicaDialog({ service, first, close }) {
  const { replica: r, log, problem, gone } = useClose(service, first);
  return html`<${Dialog} title=${r.id} close=${close} wide>
    <${Problem} of=${problem} />
    ${gone && html`<div class="notice" role="status">It has ended; this is how it was last.</div>`}
    <dl class="facts">
      <dt>Phase</dt><dd><${Status} of=${r.phase} /></dd>
      ${r.reason && html`<dt>Reason</dt><dd>${r.reason}</dd>`}
      <dt>Version</dt><dd>${r.version}</dd>
      <dt>Address</dt><dd>${r.address ? html`<code>${r.address}</code>` : "none yet"}</dd>
      <dt>Process</dt><dd>${r.pid || "none"}</dd>
      <dt>Started</dt><dd><${Ago} at=${r.started_at} /></dd>
      <dt>Ready</dt><dd><${Ago} at=${r.ready_at} /></dd>
      <dt>Restarts</dt><dd>${r.restarts}</dd>
      <dt>In flight</dt><dd>${plural(r.in_flight, "request")}</dd>
    </dl>
    <h3>Last lines it wrote</h3>
    <${Log} text=${log === null ? "Reading…" : log === "" ? "Nothing." : log} />
    <${Command} text=${`sluice logs ${shell(service)} --replica ${shell(r.id)} --tail ${tail}`} />
    <div class="actions"><${Action} label="Replace this replica" disabled=${gone} why="it has ended" reason
      ask=${`${r.id} of ${service} finishes what it has in hand and ends; another of version ${r.version} takes its place, within the bounds.`}
      command=${(m) => `curl -X DELETE -H "Authorization: Bearer $SLUICE_TOKEN" ${shell(location.origin + "/api/v1" + query(at("services", service, "replicas", r.id), { message: m }))}`}
      run=${(m) => remove(at("services", service, "replicas", r.id), m)} /></div>
  </${Dialog}>`;
}
