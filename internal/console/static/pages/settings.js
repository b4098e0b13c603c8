// The server as a whole: who one is, tokens, links, stopping everything, what is
// kept.
import { html } from "../html.js";
import { may, useSession } from "../session.js";
import { bytes, percent, plural } from "../format.js";
import { Colours } from "../parts/colours.js";
import { Command } from "../parts/command.js";
import { LogOut } from "../parts/logout.js";
import { Problem } from "../parts/problem.js";
import { useRefreshed } from "../parts/refreshed.js";
import { When } from "../parts/time.js";
import { stylesheet } from "../parts/stylesheet.js";
import { Links } from "./settings/links.js";
import { Stop } from "./settings/stop.js";
import { Tokens } from "./settings/tokens.js";

await Promise.all([stylesheet("lists.css"), stylesheet("group.css")]);

// Who came with a shared link is named after who shared it; such a session makes no
// links. No token has a space in its name.
const shared = (session) => session.name.startsWith("shared by ");

function Session() {
  const session = useSession();
  return html`<section class="card" aria-labelledby="session-title"><h2 id="session-title">Session</h2>
    <dl class="facts">
      <dt>Name</dt><dd>${session.name}</dd>
      <dt>Role</dt><dd>${session.role}</dd>
      <dt>Ends</dt><dd>${session.expires_at ? html`<${When} at=${session.expires_at} /> at the latest` : "with its token"}</dd>
      <dt>Server</dt><dd>Sluice ${session.server_version}</dd>
      <dt>Colours</dt><dd><${Colours} /></dd>
      <dt>Interface</dt><dd><a href="/openapi.json">openapi.json</a></dd>
    </dl>
    <p class="actions"><${LogOut} /></p></section>`;
}

function Artifacts() {
  const { value: a, problem, again } = useRefreshed("/artifacts", 10);
  const full = a && a.limit > 0 ? a.bytes / a.limit : 0;
  return html`<section class="card" aria-labelledby="artifacts-title"><h2 id="artifacts-title">Copies of versions' files</h2>
    <${Problem} of=${problem} again=${again} />
    ${a && html`<p><meter class="room" min="0" max="1" high="0.9" value=${full} aria-label="Room taken"></meter> ${bytes(a.bytes)}${a.limit > 0 && ` of ${bytes(a.limit)} (${percent(full)})`} in ${plural(a.contents, "copy", "copies")}</p>
      <p class="faint">${a.reflinks ? "The file system shares blocks with the originals: the disk holds less." : "The file system does not share blocks with the originals."} The limit is <code>history.artifacts_max_bytes</code> in server.yaml.</p>
      ${a.hashing.length > 0 && html`<h3>Being read</h3><ul class="plain">${a.hashing.map((h) => html`<li><code>${h.path}</code> <progress max=${Math.max(1, h.total)} value=${h.done} aria-label=${h.path}></progress> ${bytes(h.done)} of ${bytes(h.total)}</li>`)}</ul>`}`}
    <${Command} text="sluice artifacts" /></section>`;
}

export function Settings() {
  const session = useSession();
  return html`<header class="page"><h1>Settings</h1></header>
    <div class="columns"><${Session} /><${Artifacts} /></div>
    ${!shared(session) && html`<${Links} />`}
    <${Stop} />
    ${may("admin") && html`<${Tokens} />`}`;
}
