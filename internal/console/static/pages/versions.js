// All versions of a service: what each changed, and whether one can go back to it.
import { html, useEffect, useState } from "../html.js";
import { at, query, useGet } from "../api.js";
import { may } from "../session.js";
import { useTurn } from "../live.js";
import { Link, go, to, usePlace } from "../router.js";
import { Ago } from "../parts/time.js";
import { Loading, Problem } from "../parts/problem.js";
import { Pin } from "../parts/pin.js";
import { ServiceHead, useThere } from "../parts/servicehead.js";
import { Table } from "../parts/table.js";
import { RollBackRow, Verdict } from "../parts/verdict.js";
import { versionColor } from "../parts/versioncolor.js";
import { stylesheet } from "../parts/stylesheet.js";

await stylesheet("versions.css");

const perPage = 50;
const none = html`<span class="faint">–</span>`;

export const stateOf = (v) => [v.current && "current", v.latest && "latest", v.completed && "completed", v.pinned && "pinned"].filter(Boolean).join(", ");

const columns = ({ name, service, picked, pick, again }) => [
  { title: "Compare", cell: (v) => html`<input type="checkbox" checked=${picked.includes(v.number)} aria-label=${"Pick version " + v.number + " to compare"}
    onChange=${() => pick(v.number)} />` },
  { title: "Version", cell: (v) => html`<${Link} href=${to("services", name, "versions", String(v.number))} class=${"version-number " + versionColor(v.number)}>${v.number}</${Link}>` },
  { title: "State", cell: (v) => stateOf(v) || none },
  { title: "Serving", number: true, cell: (v) => v.serving || none },
  { title: "Changed", cell: (v) => html`<span class="wide">${v.message}${v.message && html`<br />`}<span class=${v.message ? "faint" : ""}>${v.summary || "–"}</span></span>` },
  { title: "Made by", cell: (v) => html`<span>${v.creator} <span class="faint"><${Ago} at=${v.created_at} /></span></span>` },
  { title: "Preflight", cell: (v) => (v.current ? none : html`<${Verdict} service=${service} version=${v} done=${again} />`) },
  ...(may("operator") ? [{ title: "Actions", cell: (v) => html`<span class="actions"><${RollBackRow} service=${service} version=${v} /><${Pin} name=${name} version=${v} done=${again} /></span>` }] : []),
];

// pairOf is what "compare" compares: the two that are picked; one that is picked
// with the current one; else the current one with the one before it. Null where
// that is no pair.
export function pairOf(picked, numbers, current) {
  const pair = picked.length > 1 ? picked.slice(0, 2) : picked.length === 1 ? [picked[0], current] : [numbers.find((n) => n < current), current];
  return pair.every(Boolean) && pair[0] !== pair[1] ? pair.toSorted((a, b) => a - b) : null;
}

// useKey calls act for a key that nobody is typing into a field.
function useKey(letter, act) {
  useEffect(() => {
    const key = (e) => {
      const typing = /^(textarea|select)$/i.test(e.target.tagName) || (e.target.tagName === "INPUT" && e.target.type !== "checkbox");
      if (e.key !== letter || typing || e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]")) return;
      e.preventDefault();
      act();
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  });
}

export function Versions({ name }) {
  const { service, instead } = useThere(name);
  const before = usePlace().query.get("before") ?? "";
  const seen = service && [service.revision, service.replicas.live, service.rollout?.phase].join();
  const { value, problem, again } = useGet(query(at("services", name, "versions"), { limit: perPage + 1, before }), [seen, useTurn()]);
  const [picked, setPicked] = useState([]);
  const rows = value?.versions.slice(0, perPage) ?? [];
  const pair = pairOf(picked, rows.map((v) => v.number), service?.current_version ?? 0);
  const compare = () => pair && go(to("services", name, "compare") + `?from=${pair[0]}&to=${pair[1]}`);
  useKey("c", compare);
  if (!service) return instead;
  const pick = (n) => setPicked((was) => (was.includes(n) ? was.filter((m) => m !== n) : [...was.slice(-1), n]));
  const page = (n) => to("services", name, "versions") + (n ? "?before=" + n : "");
  return html`
    <${ServiceHead} service=${service} at="versions" />
    <${Problem} of=${problem} again=${again} />
    ${!value && !problem && html`<${Loading} what="Reading the versions" />`}
    ${value && html`
      <div class="filters"><button type="button" class="primary" disabled=${!pair} onClick=${compare} aria-keyshortcuts="c">
        ${pair ? `Compare version ${pair[0]} with ${pair[1]}` : "Compare"}</button>
        ${picked.length > 0 && html`<button type="button" onClick=${() => setPicked([])}>Pick none</button>`}
        <span class="faint" role="status">${picked.length < 2 ? "Pick two versions; one alone is compared with the current one. The key c compares." : ""}</span></div>
      <${Table} label=${"Versions of " + name} columns=${columns({ name, service, picked, pick, again })} rows=${rows} id=${(v) => v.number} empty="There is no version here." />
      <nav class="pager" aria-label="Pages of versions">
        ${before && html`<${Link} href=${page("")}>The newest</${Link}>`}
        <span class="faint">${rows.length > 1 ? `Versions ${rows[0].number} to ${rows.at(-1).number}, the newest first` : ""}</span>
        ${value.versions.length > perPage && html`<${Link} href=${page(rows.at(-1).number)}>Older ones</${Link}>`}
      </nav>`}`;
}
