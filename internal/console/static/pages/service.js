// One service: what it does now, and what can be done to it.
import { html } from "../html.js";
import { Link, to } from "../router.js";
import { percent } from "../format.js";
import { Lately } from "../parts/lately.js";
import { Manage } from "../parts/manage.js";
import { may } from "../session.js";
import { PlanPanel } from "../parts/plan.js";
import { Replicas } from "../parts/replicas.js";
import { RolloutPanel } from "../parts/rolloutpanel.js";
import { ServiceEvents } from "../parts/serviceevents.js";
import { ServiceHead, useThere } from "../parts/servicehead.js";
import { Status } from "../parts/status.js";
import { Ago } from "../parts/time.js";

function Facts({ service: s }) {
  return html`<section class="card" aria-labelledby="facts-title"><h2 id="facts-title">Service</h2>
    <dl class="facts">
      <dt>Version</dt><dd><${Link} href=${to("services", s.name, "versions", String(s.current_version))}>${s.current_version}</${Link}>${s.latest_version !== s.current_version && html` <span class="faint">latest: ${s.latest_version}</span>`}</dd>
      <dt>Group</dt><dd>${s.group ? html`<${Link} href=${to("groups", s.group)}>${s.group}</${Link}> <span class="faint">weights and shares are set there</span>` : html`<span class="faint">none: it has its own address alone</span>`}</dd>
      ${s.group && html`<dt>Traffic</dt><dd><${Status} of=${s.traffic.state} /> share ${percent(s.traffic.share)}${s.traffic.weight >= 0 && `, weight ${s.traffic.weight}`}</dd>`}
      <dt>Changed</dt><dd><${Ago} at=${s.updated_at} /></dd>
      <dt>Created</dt><dd><${Ago} at=${s.created_at} /></dd>
    </dl>
    ${s.warnings?.length > 0 && html`<h3>Warnings</h3><ul>${s.warnings.map((w) => html`<li>${w}</li>`)}</ul>`}
  </section>`;
}

export function Service({ name }) {
  const { service, instead } = useThere(name);
  if (!service) return instead;
  return html`
    <${ServiceHead} service=${service} at="overview" />
    <div class="columns">
      <div>
        <${RolloutPanel} service=${service} />
        <${PlanPanel} service=${service} />
      </div>
      <div>
        <${Replicas} service=${service} />
        <${Facts} service=${service} />
        ${may("operator") && html`<${Manage} service=${service} />`}
      </div>
    </div>
    <${Lately} service=${name} minutes=${60} />
    <${ServiceEvents} name=${name} />`;
}
