// One version: its configuration by section, the files it refers to as they were,
// and its service file.
import { html } from "../html.js";
import { at, query, useGet } from "../api.js";
import { may } from "../session.js";
import { Link, to } from "../router.js";
import { Command, Copy } from "../parts/command.js";
import { Loading, Problem } from "../parts/problem.js";
import { Pin } from "../parts/pin.js";
import { ServiceHead, useThere } from "../parts/servicehead.js";
import { Status } from "../parts/status.js";
import { Table } from "../parts/table.js";
import { When } from "../parts/time.js";
import { RollBackRow, Verdict } from "../parts/verdict.js";
import { bytes, shell } from "../format.js";
import { stateOf } from "./versions.js";

export const written = (value) => (typeof value === "string" ? value : JSON.stringify(value));

function Section({ of }) {
  return html`<section class="card"><h2>${of.title}</h2>
    <dl class="config">${of.fields.map((f) => html`<dt><code>${f.path}</code></dt>
      <dd class=${f.default ? "faint" : ""}><code class="value">${written(f.value)}</code>${f.default && " default"}</dd>`)}</dl></section>`;
}

const files = [
  { title: "Use", cell: (d) => (d.kind ?? "file").replace("_", " ") },
  { title: "Path", cell: (d) => html`<code>${d.path}</code>` },
  { title: "Content", cell: (d) => (d.sha256 ? html`<code title=${d.sha256}>${d.sha256.slice(0, 16)}…</code> <${Copy} text=${d.sha256} what=${"the digest of " + d.path} />`
    : d.stat ? html`<span class="faint">not hashed yet</span>` : html`<${Status} of="missing" />`) },
  { title: "Size", number: true, cell: (d) => (d.bytes ? bytes(d.bytes) : html`<span class="faint">–</span>`) },
  { title: "Copy", cell: (d) => (d.retained ? html`<${Status} of="ok" title="a copy of the content is kept: a rollback works though the original is gone" /> kept`
    : html`<span class="faint">${d.system ? "none: the system brings it" : "none"}</span>`) },
];

// File is the service file as YAML. The API writes it beside a comparison of two
// versions; of one with itself it is the file alone.
function File({ name, n }) {
  const { value, problem, again } = useGet(query(at("services", name, "versions", "diff"), { from: n, to: n, lines: true }));
  const text = value ? (value.lines ?? []).map((l) => l.from).join("\n") + "\n" : "";
  return html`<section class="card"><h2>Service file</h2>
    <${Problem} of=${problem} again=${again} />
    ${value && html`<p class="actions"><${Copy} text=${text} what="the service file" /></p><pre class="file" tabindex="0" aria-label="Service file">${text}</pre>`}
    <${Command} text=${`sluice version ${shell(name)} ${n} --file > service.yaml`} /></section>`;
}

export function Version({ name, n }) {
  const { service, instead } = useThere(name);
  const seen = service && [service.revision, service.replicas.live].join();
  const { value: v, problem, again } = useGet(at("services", name, "versions", n), [seen]);
  if (!service) return instead;
  const number = Number(n);
  const beside = (other) => to("services", name, "compare") + `?from=${Math.min(number, other)}&to=${Math.max(number, other)}`;
  return html`
    <${ServiceHead} service=${service} at="versions" />
    <h2>Version ${n} ${v && stateOf(v) && html`<span class="faint">${stateOf(v)}</span>`}</h2>
    <${Problem} of=${problem} again=${again} />
    ${!v && !problem && html`<${Loading} what="Reading the version" />`}
    ${v && html`
      <dl class="facts">
        <dt>Made by</dt><dd>${v.creator}, <${When} at=${v.created_at} /></dd>
        <dt>Message</dt><dd>${v.message || html`<span class="faint">none</span>`}</dd>
        <dt>Changed</dt><dd>${v.summary || "–"}</dd>
        <dt>Serving</dt><dd>${v.serving} live replicas</dd>
        <dt>Preflight</dt><dd><${Verdict} service=${service} version=${v} done=${again} /></dd>
      </dl>
      <p class="actions">
        ${may("operator") && html`<${RollBackRow} service=${service} version=${v} /><${Pin} name=${name} version=${v} done=${again} />`}
        ${!v.current && html`<${Link} href=${beside(service.current_version)}>Compare with the current version</${Link}>`}
        ${number > 1 && html`<${Link} href=${beside(number - 1)}>Compare with version ${number - 1}</${Link}>`}
      </p>
      <div class="columns">${(v.sections ?? []).map((s) => html`<${Section} of=${s} />`)}</div>
      <section class="card"><h2>Files and images</h2>
        <${Table} label="Files and images" columns=${files} rows=${v.digests ?? []} id=${(d) => d.kind + d.path} empty="It refers to none." /></section>
      <${File} name=${name} n=${n} />`}`;
}
