// What stands above every page of a service: its state, its address and the way
// to its other pages.
import { html } from "../html.js";
import { may } from "../session.js";
import { live, useLive, useService } from "../live.js";
import { Link, to } from "../router.js";
import { Copy } from "./command.js";
import { Loading } from "./problem.js";
import { Status } from "./status.js";
import { When } from "./time.js";

const tabs = [
  ["overview", "Overview", "viewer", (name) => to("services", name)],
  ["versions", "Versions", "viewer", (name) => to("services", name, "versions")],
  ["update", "Update", "operator", (name) => to("services", name, "update")],
  ["events", "Events", "viewer", (name) => to("events") + "?service=" + encodeURIComponent(name)],
];

// useThere is the service, or what stands on the page while there is none.
export function useThere(name) {
  const service = useService(name);
  const loaded = useLive((l) => l.loaded);
  if (service) return { service };
  if (!loaded) return { instead: html`<${Loading} what="Reading the service" />` };
  return {
    instead: html`<header class="page"><h1>${name}</h1></header>
      <p>There is no service named ${name}${live.events.some((e) => e.service === name) ? " any more" : ""}. <${Link} href="/">All services</${Link}>,
        <${Link} href=${"/events?service=" + encodeURIComponent(name)}>its events</${Link}>.</p>`,
  };
}

// ServiceHead({service, at, children}): at is the tab; children are beside the name.
export function ServiceHead({ service, at, children }) {
  const { name, frozen } = service;
  return html`
    <header class="page">
      <h1><${Link} href=${to("services", name)} class="name">${name}</${Link}></h1>
      <${Status} of=${service.status} />
      ${children}
    </header>
    ${service.message && html`<p class="message">${service.message}</p>`}
    <p class="endpoint"><span class="faint">Address</span> <code>${service.endpoint}</code> <${Copy} text=${service.endpoint} what="the address" /></p>
    ${frozen && html`<div class="notice warn" role="status"><strong>Frozen until <${When} at=${frozen.until} /></strong> by ${frozen.by}: ${frozen.reason}</div>`}
    <nav class="tabs" aria-label=${"Pages of " + name}>${tabs.filter(([, , role]) => may(role)).map(([id, title, , href]) => html`
      <${Link} href=${href(name)} aria-current=${id === at ? "page" : undefined}>${title}</${Link}>`)}</nav>`;
}
