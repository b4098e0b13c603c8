// The replicas of a service as a grid of cells, one each: the colour and the
// number are the version's, the sign is the phase's.
import { html, useEffect, useMemo, useRef, useState } from "../html.js";
import { at, get } from "../api.js";
import { useService } from "../live.js";
import { useFilters } from "./filters.js";
import { Problem } from "./problem.js";
import { ReplicaDialog } from "./replica.js";
import { versionColor } from "./versioncolor.js";

const signs = { pending: "○", starting: "◐", ready: "●", unready: "▲", draining: "◌", stopped: "■", failed: "✕" };
const order = Object.keys(signs);
const few = 300; // replicas whose cells have room for words
const pause = 500; // ms between two readings; the stream does not carry replicas

// useReplicas reads them again whenever something about the service has changed.
export function useReplicas(name) {
  const service = useService(name);
  const [state, set] = useState({ replicas: null, problem: null });
  const reader = useRef(null);
  useEffect(() => {
    const r = { at: 0, timer: 0, busy: false, due: false, over: false };
    r.ask = () => {
      r.due = true;
      if (!r.busy && !r.timer) r.timer = setTimeout(r.read, Math.max(0, r.at + pause - Date.now()));
    };
    r.read = async () => {
      Object.assign(r, { timer: 0, busy: true, due: false });
      const next = await get(at("services", name, "replicas")).then(({ replicas }) => ({ replicas, problem: null }), (problem) => ({ problem }));
      Object.assign(r, { at: Date.now(), busy: false });
      if (r.over) return;
      set((was) => ({ ...was, ...next }));
      if (r.due) r.ask();
    };
    reader.current = r;
    return () => { r.over = true; clearTimeout(r.timer); };
  }, [name]);
  useEffect(() => { if (service) reader.current.ask(); }, [name, service]);
  return state;
}

const say = (r) => `${r.id}, version ${r.version}, ${r.phase}`;

// Counts is the legend: how many of which version in which phase.
function Counts({ replicas, current }) {
  const by = new Map();
  for (const r of replicas) {
    if (!by.has(r.version)) by.set(r.version, {});
    const phases = by.get(r.version);
    phases[r.phase] = (phases[r.phase] ?? 0) + 1;
  }
  return html`<ul class="legend" aria-label="Replicas by version and phase">${[...by].sort(([a], [b]) => b - a).map(([version, phases]) => html`
    <li key=${version}><span class=${"swatch " + versionColor(version)} aria-hidden="true"></span> <strong>version ${version}</strong>${version === current && html` <span class="faint">current</span>`}:${" "}
      ${order.filter((p) => phases[p]).map((p, i) => html`${i > 0 && ", "}${phases[p]} <span aria-hidden="true">${signs[p]}</span> ${p}`)}</li>`)}
  </ul>`;
}

// useLooked is the replica that is looked at, which the address has, and how to
// look at another.
function useLooked(rows) {
  const [place, set] = useFilters("replica");
  const looked = useRef(null); // as it was last, should it be gone
  if (looked.current?.id !== place.replica) looked.current = null;
  looked.current = rows.find((r) => r.id === place.replica) ?? looked.current;
  return [looked.current, (r) => set("replica", r?.id)];
}

// useCells draws the cells, by version; the newest first. A cell that looks as
// before is the very same node, which rendering skips: a change of a few among a
// thousand costs a few.
function useCells(rows, chosen, tiny) {
  const cells = useRef(new Map());
  const drawn = new Map();
  const draw = (r, i) => {
    const key = `${r.version} ${r.phase} ${i === chosen} ${i} ${tiny}`;
    const was = cells.current.get(r.id);
    const cell = was?.key === key ? was : {
      key,
      node: html`<span key=${r.id} id=${"replica-" + i} role="option" data-at=${i} class=${`cell ${versionColor(r.version)} ${r.phase}`} aria-selected=${i === chosen}
        aria-label=${say(r)} title=${say(r)}><span aria-hidden="true">${signs[r.phase] ?? "·"}</span>${!tiny && r.version}</span>`,
    };
    drawn.set(r.id, cell);
    return cell.node;
  };
  const groups = new Map();
  for (const [i, r] of rows.entries()) {
    if (!groups.has(r.version)) groups.set(r.version, []);
    groups.get(r.version).push(draw(r, i));
  }
  cells.current = drawn;
  return groups;
}

// Replicas({service}): arrows, Home and End move, Enter opens one.
export function Replicas({ service }) {
  const { replicas, problem } = useReplicas(service.name);
  const [at, setAt] = useState("");
  const grid = useRef(null);
  const rows = useMemo(() => (replicas ?? []).map((r, i) => [r, i]).sort(([a, i], [b, j]) => b.version - a.version || i - j).map(([r]) => r), [replicas]);
  const size = rows.length > few ? "tiny" : rows.length > few / 3 ? "dense" : "";
  const tiny = size === "tiny"; // cells without room for a number: the group's title has it
  const [open, setOpen] = useLooked(rows);
  const chosen = Math.max(0, rows.findIndex((r) => r.id === at));

  const groups = useCells(rows, chosen, tiny);

  const move = (e) => {
    const wide = getComputedStyle(grid.current.querySelector(".cells")).gridTemplateColumns.split(" ").length;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -wide, ArrowDown: wide, Home: -rows.length, End: rows.length }[e.key];
    if (e.key === "Enter" || e.key === " ") {
      e.preventDefault();
      setOpen(rows[chosen]);
    }
    if (step === undefined) return;
    e.preventDefault();
    const next = Math.min(rows.length - 1, Math.max(0, chosen + step));
    setAt(rows[next].id);
    document.getElementById("replica-" + next)?.scrollIntoView({ block: "nearest" });
  };
  const press = (e) => {
    const cell = e.target.closest("[data-at]");
    if (!cell) return;
    const r = rows[Number(cell.dataset.at)];
    setAt(r.id);
    setOpen(r);
  };
  return html`<section class="card" aria-labelledby="replicas-title">
    <h2 id="replicas-title">Replicas</h2>
    <p>${service.replicas.ready} of ${service.replicas.desired} ready${service.replicas.live !== service.replicas.ready && html`, ${service.replicas.live} live`}${service.replicas.draining > 0 && html`, ${service.replicas.draining} draining`}${service.replicas.failed > 0 && html`, <strong>${service.replicas.failed} failed</strong>`}</p>
    <${Problem} of=${problem} />
    ${rows.length > 0 && html`<${Counts} replicas=${rows} current=${service.current_version} />
      <div ref=${grid} class=${"replicas " + size} role="listbox" tabindex="0" aria-label="Replicas: arrows move, Enter shows one" aria-activedescendant=${"replica-" + chosen}
        onKeyDown=${move} onClick=${press}>${[...groups].map(([version, cells]) => html`
        <div key=${version} role="group" aria-label=${"version " + version}>${(groups.size > 1 || tiny) && html`<p class="cells-title" aria-hidden="true">version ${version}</p>`}<div class="cells" role="presentation">${cells}</div></div>`)}</div>`}
    ${replicas && rows.length === 0 && html`<p class="empty">No replica runs.</p>`}
    ${open && html`<${ReplicaDialog} service=${service.name} first=${open} close=${() => { setOpen(null); grid.current?.focus(); }} />`}
  </section>`;
}
