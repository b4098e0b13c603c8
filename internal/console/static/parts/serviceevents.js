// The last events of one service, as they come.
import { html, useMemo } from "../html.js";
import { at, query, useGet } from "../api.js";
import { live, useLive } from "../live.js";
import { Link } from "../router.js";
import { Problem } from "./problem.js";
import { Status } from "./status.js";
import { When } from "./time.js";

const most = 50;

export function ServiceEvents({ name }) {
  const { value, problem, again } = useGet(query(at("services", name, "events"), { limit: most }), []);
  const newest = useLive((l) => l.events.at(-1)?.seq);
  const events = useMemo(() => {
    const by = new Map((value?.events ?? []).map((e) => [e.seq, e]));
    for (const e of live.events) if (e.service === name) by.set(e.seq, e);
    return [...by.values()].sort((a, b) => b.seq - a.seq).slice(0, most);
  }, [value, newest, name]);
  return html`<section class="card" aria-labelledby="events-title"><h2 id="events-title">Events</h2>
    <${Problem} of=${problem} again=${again} />
    ${value && events.length === 0 && html`<p class="empty">Nothing has happened yet.</p>`}
    <ol class="events" tabindex="0" aria-label=${"Last events of " + name}>${events.map((e) => html`<li key=${e.seq}>
      <${When} at=${e.time} /> ${e.type === "warning" && html`<${Status} of="warning" /> `}<strong>${e.reason}</strong> <span>${e.message}</span>${e.actor && html` <span class="faint">by ${e.actor}</span>`}</li>`)}</ol>
    <p><${Link} href=${"/events?service=" + encodeURIComponent(name)}>All events of ${name}</${Link}></p>
  </section>`;
}
