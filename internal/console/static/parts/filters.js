// What a list is narrowed by, kept in the page's address: a view can be shared and
// gone back to.
import { html } from "../html.js";
import { go, usePlace } from "../router.js";

// useFilters is {name: value} of the address for the names, and set(name, value),
// which changes the address.
export function useFilters(...names) {
  const { path, query } = usePlace();
  const values = Object.fromEntries(names.map((n) => [n, query.get(n) ?? ""]));
  const set = (name, value) => {
    const q = new URLSearchParams(location.search);
    value ? q.set(name, value) : q.delete(name);
    go(path + (q.size ? "?" + q : ""), { replace: true });
  };
  return [values, set];
}

// Words is a filter that is typed; it counts when the field is left or on Enter.
// known are offered, like is an example.
export function Words({ label, name, values, set, known = [], width = "9rem", like }) {
  const list = "known-" + name;
  return html`<label class="filter"><span>${label}</span><input type="search" value=${values[name]} style=${{ width }} placeholder=${like} list=${known.length > 0 ? list : undefined} autocomplete="off" spellcheck=${false}
      onChange=${(e) => set(name, e.target.value.trim())} />
    ${known.length > 0 && html`<datalist id=${list}>${known.slice(0, 300).map((k) => html`<option value=${k}></option>`)}</datalist>`}</label>`;
}

// Choice is a filter of a few values: [[value, text]...], "" is any.
export function Choice({ label, name, values, set, of }) {
  const given = values[name];
  const all = of.some(([v]) => v === given) ? of : [...of, [given, given]];
  return html`<label class="filter"><span>${label}</span><select value=${given} onChange=${(e) => set(name, e.target.value)}>${all.map(([v, text]) => html`<option value=${v}>${text}</option>`)}</select></label>`;
}

export const spans = [["", "any time"], ["15m", "15 minutes"], ["1h", "1 hour"], ["6h", "6 hours"], ["24h", "1 day"], ["168h", "7 days"]];

// agoOf reads "15m" as milliseconds; 0 for what is no such span.
export function agoOf(text) {
  const m = /^(\d+)(s|m|h)$/.exec(text);
  return m ? Number(m[1]) * { s: 1000, m: 60_000, h: 3_600_000 }[m[2]] : 0;
}
