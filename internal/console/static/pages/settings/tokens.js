// Tokens: who may do what. A new one is shown one time.
import { html, useState } from "../../html.js";
import { at, post, remove } from "../../api.js";
import { shell } from "../../format.js";
import { Action, Dialog } from "../../parts/action.js";
import { Command, Copy } from "../../parts/command.js";
import { Loading, Problem } from "../../parts/problem.js";
import { useRefreshed } from "../../parts/refreshed.js";
import { Table } from "../../parts/table.js";
import { Ago } from "../../parts/time.js";

const roles = [["viewer", "looks at everything but tokens"], ["operator", "also changes what runs"], ["admin", "also deletes services and manages tokens"]];

function Create({ again, show }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState("viewer");
  const good = /^[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?$/.test(name);
  return html`<${Action} label="Make a token…" role="admin" run=${() => post("/tokens", { name, role })} done=${(made) => { setName(""); again(); show(made); }}
    ask="Its name is recorded as the creator of what is done with it." lacks=${name === "" ? "give it a name" : good ? "" : "small letters, digits, - and _, at most 63"}
    form=${html`<label class="field"><span>Name</span><input value=${name} autocomplete="off" onInput=${(e) => setName(e.target.value.trim())} /></label>
      <fieldset class="gates"><legend>Role</legend>${roles.map(([r, text]) => html`<label class="inline"><input type="radio" name="role" checked=${role === r} onChange=${() => setRole(r)} /> <strong>${r}</strong> <span class="faint">${text}</span></label>`)}</fieldset>`}
    command=${`sluice token create ${shell(name || "NAME")} --role ${role}`} />`;
}

function Revoke({ token, again }) {
  const kept = token.name === "admin";
  return html`<${Action} label=${`Revoke ${token.name}`} role="admin" danger disabled=${kept} why=${kept ? "it lives by its file: delete admin.token and restart the server" : undefined}
    ask=${`The token ${token.name} (${token.role}) is refused from then on, sessions that it opened end, and so does what it still watches. Changes that were accepted go on.`}
    command=${`sluice token revoke ${shell(token.name)}`} run=${() => remove(at("tokens", token.name))} done=${again} />`;
}

export function Tokens() {
  const { value, problem, again } = useRefreshed("/tokens", 10);
  const [made, show] = useState(null);
  const columns = [
    { title: "Name", cell: (t) => html`<strong>${t.name}</strong>` },
    { title: "Role", cell: (t) => t.role },
    { title: "Made", cell: (t) => html`<span><${Ago} at=${t.created_at} /> ${t.created_by && html`<span class="faint">by ${t.created_by}</span>`}</span>` },
    { title: "Last used", cell: (t) => (t.last_used_at ? html`<${Ago} at=${t.last_used_at} />` : html`<span class="faint">never</span>`) },
    { title: "Actions", cell: (t) => html`<${Revoke} token=${t} again=${again} />` },
  ];
  return html`<section class="card" aria-labelledby="tokens-title"><h2 id="tokens-title">Tokens</h2>
    <${Problem} of=${problem} again=${again} />
    ${!value && !problem && html`<${Loading} what="Reading the tokens" />`}
    ${value && html`<${Table} label="All tokens" columns=${columns} rows=${value.tokens} id=${(t) => t.name} empty="There is no token." />
      <p><${Create} again=${again} show=${show} /></p>`}
    ${made && html`<${Dialog} title=${`Token ${made.name}, ${made.role}`} close=${() => show(null)}>
      <p>This is shown one time: only a digest of it is kept.</p>
      <p class="secret"><code tabindex="0">${made.token}</code> <${Copy} text=${made.token} what="the token" /></p>
      <${Command} text=${`export SLUICE_TOKEN=${made.token}`} />
      <footer><button type="button" class="primary" onClick=${() => show(null)}>I have it</button></footer></${Dialog}>`}
  </section>`;
}
