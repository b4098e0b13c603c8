// One chart with a line for each version. The library is fetched when the first
// chart is shown.
import { html, useEffect, useRef, useState } from "../html.js";
import { exact, local } from "../format.js";
import { versionColor } from "./versioncolor.js";
import { stylesheet } from "./stylesheet.js";

let library = null;
const fetched = () => (library ??= Promise.all([import("../vendor/uplot.js"), stylesheet("vendor/uplot.css")]).then(([m]) => m.default));

const dashes = [[], [8, 4], [2, 3], [10, 3, 2, 3]];
// dash tells versions apart where colours do not.
export const dash = (version) => dashes[(version - 1) % dashes.length];

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

// useTheme changes when other colours hold: canvases do not follow by themselves.
function useTheme() {
  const [turn, set] = useState(0);
  useEffect(() => {
    const next = () => set((n) => n + 1);
    const chosen = new MutationObserver(next), system = matchMedia("(prefers-color-scheme: dark)");
    chosen.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    system.addEventListener("change", next);
    return () => { chosen.disconnect(); system.removeEventListener("change", next); };
  }, []);
  return turn;
}

// marked puts a line into the chart at each mark. They are elements, not paint, so
// that pointing at one shows its text.
function marked(marks, tell) {
  const lines = [];
  const place = (u) => {
    const { min, max } = u.scales.x;
    marks.current.forEach((mark, i) => {
      let line = lines[i];
      if (!line) {
        line = lines[i] = document.createElement("div");
        line.addEventListener("mouseenter", () => tell(marks.current[i]));
        line.addEventListener("mouseleave", () => tell(null));
        u.over.append(line);
      }
      const at = Date.parse(mark.at) / 1000;
      line.className = "chart-mark" + (mark.bad ? " bad" : "");
      line.title = mark.text + "\n" + exact(mark.at);
      line.hidden = !(at >= min && at <= max);
      line.style.left = u.valToPos(at, "x") + "px";
    });
    for (const extra of lines.splice(marks.current.length)) extra.remove();
  };
  return { hooks: { draw: place } };
}

function options({ measure, versions, width, range, marks, tell, sync }) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour("--faint"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 }, font: "12px system-ui, sans-serif" };
  return {
    width, height: 170, legend: { show: false },
    cursor: { sync: { key: sync }, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { time: true, range: (u, min, max) => range.current ?? [min, max] },
      y: { range: (u, min, max) => [0, max > 0 ? max * 1.1 : 1] },
    },
    axes: [
      { ...axis, space: 60, values: (u, at) => at.map((t) => clock.format(t * 1000)) },
      { ...axis, size: 66, space: 36, values: (u, list) => list.map((v) => (v === 0 ? "0" : measure.read(v))) },
    ],
    series: [{}, ...versions.map((n) => ({ label: "version " + n, stroke: colour("--" + versionColor(n)), width: 2, dash: dash(n), spanGaps: false }))],
    hooks: { setCursor: [(u) => tell.at(u.cursor.idx)] },
    plugins: [marked(marks, tell.mark)],
  };
}

// Plot({measure, grid, range, marks, sync, label}): grid as parts/measured.js makes
// it, range [from, to] in seconds or null for all of it; plots of one sync show
// their cursors together.
export function Plot({ measure, grid, range, marks, sync, label }) {
  const box = useRef(null), said = useRef(null), plot = useRef(null);
  const now = useRef({});
  now.current = { grid, measure };
  const shown = useRef(null), marksNow = useRef([]);
  shown.current = range;
  marksNow.current = marks;
  const [missing, setMissing] = useState(false);
  const theme = useTheme();
  const versions = grid.versions.join();
  const data = [grid.at, ...grid.versions.map((n) => grid.values(measure.field, n))];
  useEffect(() => {
    const room = box.current; // the ref is empty while the chart goes
    let over = false, watch = null;
    const tell = {
      at: (i) => {
        const { grid: g, measure: m } = now.current;
        if (!said.current || tell.marking) return;
        said.current.textContent = i === null || i === undefined || !g.at[i] ? ""
          : local(g.at[i] * 1000) + g.versions.map((n) => { const v = g.values(m.field, n)[i]; return v === null || v === undefined ? "" : `  v${n} ${m.read(v)}`; }).join("");
      },
      mark: (mark) => {
        tell.marking = mark !== null;
        if (said.current) said.current.textContent = mark === null ? "" : mark.text;
      },
    };
    fetched().then((UPlot) => {
      if (over) return;
      const width = () => Math.max(160, Math.floor(room.clientWidth));
      plot.current = new UPlot(options({ measure, versions: grid.versions, width: width(), range: shown, marks: marksNow, tell, sync }), data, room);
      watch = new ResizeObserver(() => plot.current?.setSize({ width: width(), height: 170 }));
      watch.observe(room);
    }, () => over || setMissing(true));
    return () => { over = true; watch?.disconnect(); plot.current?.destroy(); plot.current = null; };
  }, [versions, theme, measure.field]);
  useEffect(() => { plot.current?.setData(data); });
  return html`<figure class="chart">
    <figcaption><strong>${measure.title}</strong> <span class="faint" ref=${said} aria-hidden="true"></span></figcaption>
    ${missing ? html`<p class="empty">The chart cannot be drawn; the numbers are in the table.</p>` : html`<div ref=${box} role="img" aria-label=${label}></div>`}
  </figure>`;
}
