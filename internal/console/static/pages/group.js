// One group: its members and how requests are divided, shifted, promoted, copied.
import { html, useState } from "../html.js";
import { at, query, remove } from "../api.js";
import { live, useLive, useTurn, useVersion } from "../live.js";
import { Link, go } from "../router.js";
import { shell } from "../format.js";
import { Action } from "../parts/action.js";
import { Copy, because } from "../parts/command.js";
import { Freeze, Unfreeze } from "../parts/freeze.js";
import { Lately } from "../parts/lately.js";
import { Loading, Problem } from "../parts/problem.js";
import { useRefreshed } from "../parts/refreshed.js";
import { When } from "../parts/time.js";
import { stylesheet } from "../parts/stylesheet.js";
import { Comparison } from "./group/comparison.js";
import { Members } from "./group/members.js";
import { Mirrors } from "./group/mirrors.js";
import { Promotion } from "./group/promotion.js";
import { Shift } from "./group/shift.js";

await stylesheet("group.css");

function Rules({ group }) {
  const rules = group.rules ?? [];
  if (rules.length === 0) return null;
  const looks = (r) => (r.header ? `header ${r.header}` : r.cookie ? `cookie ${r.cookie}` : `query ${r.query}`);
  const asks = (r) => (r.percent ? `${r.percent} of a hundred values` : r.equals ? `is ${r.equals}` : r.matches ? `matches ${r.matches}` : "is there");
  return html`<section class="card" aria-labelledby="rules-title"><h2 id="rules-title">Rules before the split</h2>
    <ol>${rules.map((r) => html`<li><code>${looks(r)}</code> ${asks(r)}: <strong>${r.service}</strong></li>`)}</ol>
    <p class="faint">The first that matches counts. <code>sluice group set ${shell(group.name)} -f rules.yaml</code> changes them.</p></section>`;
}

function Delete({ group }) {
  const [cascade, setCascade] = useState(false);
  return html`<${Action} label=${`Delete ${group.name}`} role="admin" danger reason typed=${group.name} done=${() => go("/groups")}
    ask=${`Who calls ${group.endpoint} gets 404 from then on. Its members ${cascade ? "are deleted with it, and all their versions" : "go on by themselves"}.`}
    form=${html`<label><input type="checkbox" checked=${cascade} onChange=${(e) => setCascade(e.target.checked)} /> delete its members, too</label>`}
    command=${(m) => `sluice group delete ${shell(group.name)} --yes${cascade ? " --cascade" : ""}${because(m)}`} run=${(m) => remove(query(at("groups", group.name), { cascade: cascade || undefined }), m)} />`;
}

function Charts({ members }) {
  const [chosen, choose] = useState(members[0]?.service);
  const service = members.some((m) => m.service === chosen) ? chosen : members[0]?.service;
  if (!service) return null;
  return html`<div class="filters"><label>Charts of <select value=${service} onChange=${(e) => choose(e.target.value)}>${members.map((m) => html`<option>${m.service}</option>`)}</select></label></div>
    <${Lately} key=${service} service=${service} minutes=${60} />`;
}

export function Group({ name }) {
  useVersion();
  const loaded = useLive((l) => l.loaded);
  const members = [...live.services.values()].filter((s) => s.group === name);
  const seen = loaded ? members.map((s) => [s.name, s.revision, s.traffic.state, s.traffic.weight, s.traffic.share, s.replicas.ready, s.replicas.desired, s.current_version].join()).join(" ") : "";
  const { value: group, problem, again } = useRefreshed(at("groups", name), 3, [seen, useTurn()]);
  if (!group) return html`<header class="page"><h1>${name}</h1></header>${problem ? html`<${Problem} of=${problem} again=${again} /><p><${Link} href="/groups">All groups</${Link}></p>` : html`<${Loading} what="Reading the group" />`}`;
  const { frozen } = group;
  return html`
    <header class="page"><h1>${name}</h1>
      <div class="actions">${frozen ? html`<${Unfreeze} kind="groups" name=${name} frozen=${frozen} done=${again} />`
        : html`<${Freeze} things=${[{ kind: "groups", name }]} label=${`Freeze ${name}…`} ask="Every change of the group and of its members is refused until then, but for a pause and the replacement of one replica." done=${again} />`}
        <${Delete} group=${group} /></div></header>
    ${group.message && html`<p class="message">${group.message}</p>`}
    <p class="endpoint"><span class="faint">Address</span> <code>${group.endpoint}</code> <${Copy} text=${group.endpoint} what="the address" />${group.private && html` <span class="faint">callers send a token</span>`}</p>
    ${frozen && html`<div class="notice warn" role="status"><strong>Frozen until <${When} at=${frozen.until} /></strong> by ${frozen.by}: ${frozen.reason}</div>`}
    ${problem && html`<div class="notice warn" role="status">This is from before: ${problem.message}</div>`}
    <${Members} group=${group} again=${again} />
    <div class="columns"><${Shift} group=${group} again=${again} /><${Promotion} group=${group} again=${again} /></div>
    <${Comparison} name=${name} />
    <div class="columns"><${Mirrors} group=${group} /><${Rules} group=${group} /></div>
    <${Charts} members=${group.members} />`;
}
