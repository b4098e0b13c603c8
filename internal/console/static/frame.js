// What is around every page: where one can go, the search, whether what is shown
// is live, and who is logged in.
import { html, useEffect, useRef, useState } from "./html.js";
import { may, outdated, useSession } from "./session.js";
import { live, useLive } from "./live.js";
import { Link, go, to, usePlace } from "./router.js";
import { Colours } from "./parts/colours.js";
import { LogOut } from "./parts/logout.js";
import { useNow } from "./parts/time.js";
import { span } from "./format.js";

const places = [
  ["/", "Services", "viewer"], ["/groups", "Groups", "viewer"], ["/events", "Events", "viewer"],
  ["/audit", "Audit", "admin"], ["/gateway", "Gateway", "viewer"], ["/settings", "Settings", "viewer"],
];

function Search() {
  const input = useRef(null);
  const [text, setText] = useState("");
  const [chosen, choose] = useState(0);
  useEffect(() => {
    const key = (e) => {
      const typing = /^(input|textarea|select)$/i.test(e.target.tagName) || e.target.isContentEditable;
      if (e.key === "/" && !typing && !e.ctrlKey && !e.metaKey) {
        e.preventDefault();
        input.current.focus();
        input.current.select();
      }
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
  const wanted = text.toLowerCase();
  const names = text === "" ? [] : [...live.services.keys()].filter((n) => n.includes(wanted))
    .sort((a, b) => b.startsWith(wanted) - a.startsWith(wanted) || a.length - b.length || (a < b ? -1 : 1)).slice(0, 8);
  const open = (name) => { setText(""); choose(0); input.current.blur(); go(to("services", name)); };
  const key = (e) => {
    if (e.key === "Escape") { setText(""); input.current.blur(); }
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      e.preventDefault();
      choose((n) => Math.max(0, Math.min(names.length - 1, n + (e.key === "ArrowDown" ? 1 : -1))));
    }
    if (e.key === "Enter" && names[chosen]) open(names[chosen]);
  };
  return html`<div class="search" role="search">
    <input ref=${input} type="search" role="combobox" aria-label="Go to a service (press /)" aria-expanded=${names.length > 0} aria-controls="found"
      aria-activedescendant=${names.length > 0 ? "found-" + chosen : undefined} aria-autocomplete="list" placeholder="Go to…  /" value=${text}
      onInput=${(e) => { setText(e.target.value.trim()); choose(0); }} onKeyDown=${key} />
    <ul id="found" role="listbox" aria-label="Services" hidden=${names.length === 0}>${names.map((n, i) => html`
      <li id=${"found-" + i} role="option" aria-selected=${i === chosen} onMouseDown=${(e) => { e.preventDefault(); open(n); }}>${n}</li>`)}</ul>
  </div>`;
}

function Connection() {
  const state = useLive((l) => l.connection);
  const now = useNow(1);
  if (state === "live") return html`<span class="connection good" role="status"><span aria-hidden="true">●</span> live</span>`;
  if (state === "connecting") return html`<span class="connection" role="status">connecting…</span>`;
  // How long is not in the status: it would be read out every second.
  return html`<span class="connection bad"><span role="status"><span aria-hidden="true">▲</span> lost</span> ${span((now - live.since) / 1000)} ago</span>`;
}

export function Frame({ children }) {
  const session = useSession();
  const { path } = usePlace();
  const state = useLive((l) => l.connection);
  const at = (href) => (href === "/" ? path === "/" || path.startsWith("/services") : path === href || path.startsWith(href + "/"));
  useEffect(() => {
    const parts = path.split("/").filter(Boolean).map((p) => { try { return decodeURIComponent(p); } catch { return p; } });
    document.title = [...parts.reverse(), "Sluice"].join(" · ");
  }, [path]);
  return html`
    <a class="skip" href="#main" onClick=${(e) => { e.preventDefault(); document.getElementById("main").focus(); }}>Skip to the page</a>
    <header class="top">
      <${Link} href="/" class="brand" aria-label="Sluice: services">Sluice</${Link}>
      <nav aria-label="Pages">${places.filter(([, , role]) => may(role)).map(([href, name]) => html`
        <${Link} href=${href} aria-current=${at(href) ? "page" : undefined}>${name}</${Link}>`)}</nav>
      <${Search} />
      <${Connection} />
      <${Colours} />
      <span class="who">${session.name} <span class="faint">${session.role}</span></span>
      <${LogOut} quiet />
    </header>
    ${state === "lost" && html`<div class="stale" role="alert">The connection to the server is lost: what is shown is from before. It comes back by itself.</div>`}
    ${outdated() && html`<div class="stale" role="alert">The server is another version now. <button type="button" onClick=${() => location.reload()}>Reload the page</button></div>`}
    <main id="main" tabindex="-1" class=${state === "lost" ? "old" : ""}>${children}</main>`;
}
