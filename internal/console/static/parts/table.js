// A table of rows that stays smooth with thousands: beyond a few hundred only
// the rows in view are in the page.
import { html, useEffect, useRef, useState } from "../html.js";

const rowHeight = 41; // px, as in style.css (.rows td)
const spare = 20;
const few = 200;

// Table({columns: [{title, cell(row), number}], rows, id(row), empty, label})
export function Table({ columns, rows, id, empty = "There is nothing.", label }) {
  const body = useRef(null);
  const [range, set] = useState([0, few]);
  const many = rows.length > few;
  useEffect(() => {
    if (!many) return undefined;
    const look = () => {
      const top = body.current?.getBoundingClientRect().top ?? 0;
      const first = Math.max(0, Math.floor(-top / rowHeight) - spare);
      const last = Math.ceil((innerHeight - top) / rowHeight) + spare;
      set((was) => (was[0] === first && was[1] === last ? was : [first, last]));
    };
    look();
    addEventListener("scroll", look, { passive: true });
    addEventListener("resize", look);
    return () => { removeEventListener("scroll", look); removeEventListener("resize", look); };
  }, [many]);
  if (rows.length === 0) return html`<p class="empty">${empty}</p>`;
  const [first, last] = many ? [Math.min(range[0], rows.length), Math.min(range[1], rows.length)] : [0, rows.length];
  const gap = (n) => n > 0 && html`<tr class="gap" aria-hidden="true"><td colspan=${columns.length} style=${{ height: n * rowHeight + "px" }}></td></tr>`;
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${label}><table class=${many ? "rows even" : "rows"} aria-label=${label} aria-rowcount=${rows.length + 1}>
    <thead><tr>${columns.map((c) => html`<th scope="col" class=${c.number ? "number" : ""}>${c.title}</th>`)}</tr></thead>
    <tbody ref=${body}>
      ${gap(first)}
      ${rows.slice(first, last).map((row, i) => html`<tr key=${id(row)} aria-rowindex=${first + i + 2}>
        ${columns.map((c) => html`<td class=${c.number ? "number" : ""} data-title=${c.title}><div>${c.cell(row)}</div></td>`)}
      </tr>`)}
      ${gap(rows.length - last)}
    </tbody>
  </table></div>`;
}
