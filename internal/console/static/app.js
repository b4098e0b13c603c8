// The console: session, frame and pages.
import { html, render, useEffect, useState } from "./html.js";
import { load, useSession } from "./session.js";
import { start, stop } from "./live.js";
import { match, usePlace } from "./router.js";
import { Frame } from "./frame.js";
import { Login } from "./pages/login.js";
import { Services } from "./pages/services.js";
import { Loading, Problem } from "./parts/problem.js";

// Pages other than the first are fetched when they are opened. Each module
// exports its page under the name given.
const pages = [
  ["/", Services],
  ["/services/:name", () => import("./pages/service.js"), "Service"],
  ["/services/:name/update", () => import("./pages/update.js"), "Update"],
  ["/services/:name/versions", () => import("./pages/versions.js"), "Versions"],
  ["/services/:name/versions/:n", () => import("./pages/version.js"), "Version"],
  ["/services/:name/compare", () => import("./pages/compare.js"), "Compare"],
  ["/services/:name/rollouts/:id", () => import("./pages/rollout.js"), "Rollout"],
  ["/groups", () => import("./pages/groups.js"), "Groups"],
  ["/groups/:name", () => import("./pages/group.js"), "Group"],
  ["/events", () => import("./pages/events.js"), "Events"],
  ["/audit", () => import("./pages/audit.js"), "Audit"],
  ["/gateway", () => import("./pages/gateway.js"), "Gateway"],
  ["/settings", () => import("./pages/settings.js"), "Settings"],
];

function find(path) {
  for (const [pattern, page, name] of pages) {
    const found = match(pattern, path);
    if (found) return { pattern, page, name, found };
  }
  return null;
}

const modules = new Map(); // fetched so far, by pattern: no second look begins with nothing

function Page() {
  const { path } = usePlace();
  const at = find(path);
  const [lost, lose] = useState(null);
  const [, fetched] = useState(0);
  useEffect(() => {
    if (!at?.name || modules.has(at.pattern)) return undefined;
    let over = false;
    at.page().then((m) => { modules.set(at.pattern, m[at.name]); over || fetched((n) => n + 1); }, () => over || lose(at.pattern));
    return () => { over = true; };
  }, [at?.pattern]);
  if (!at) return html`<header class="page"><h1>There is no page here</h1></header><p>${path} is none of the console's addresses. <a href="/">Services</a></p>`;
  if (!at.name) return html`<${at.page} />`;
  const page = modules.get(at.pattern);
  if (page) return html`<${page} key=${path} ...${at.found} />`;
  if (lost === at.pattern) return html`<${Problem} of=${new Error("this page cannot be fetched: reload it when the server is back")} again=${() => location.reload()} />`;
  return html`<${Loading} />`;
}

function App() {
  const session = useSession();
  const { path } = usePlace();
  useEffect(() => {
    if (session === null) return undefined;
    start();
    return stop;
  }, [session?.name, session?.role]);
  if (session === null || path === "/login") return html`<${Login} />`;
  return html`<${Frame}><${Page} /></${Frame}>`;
}

const root = document.getElementById("app");
load().then(
  () => { root.textContent = ""; render(html`<${App} />`, root); },
  () => { root.textContent = ""; render(html`<main class="alone"><${Problem} of=${new Error("the server cannot be reached")} again=${() => location.reload()} /></main>`, root); },
);
