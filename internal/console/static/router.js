// Pages by URL. Links are real links: they can be opened in another tab, copied,
// and gone back from.
import { html, useEffect, useState } from "./html.js";

const listeners = new Set();
const here = () => ({ path: location.pathname, query: new URLSearchParams(location.search) });

function moved() {
  const place = here();
  for (const listener of listeners) listener(place);
}
addEventListener("popstate", moved);

// go shows another page; replace leaves no entry to go back to.
export function go(url, { replace = false } = {}) {
  if (url === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", url);
  moved();
  if (!replace) {
    scrollTo(0, 0);
    document.getElementById("main")?.focus({ preventScroll: true });
  }
}

export function usePlace() {
  const [place, set] = useState(here);
  useEffect(() => { listeners.add(set); return () => listeners.delete(set); }, []);
  return place;
}

// to makes a URL of parts that may hold anything: to("services", name).
export const to = (...parts) => "/" + parts.map(encodeURIComponent).join("/");

export function Link({ href, children, ...rest }) {
  const click = (e) => {
    if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    go(href);
  };
  return html`<a href=${href} onClick=${click} ...${rest}>${children}</a>`;
}

// match gives the parameters of a path that has the shape of a pattern, else
// null: match("/services/:name/versions", "/services/a/versions") is {name: "a"}.
export function match(pattern, path) {
  const want = pattern.split("/"), have = path.replace(/\/+$/, "").split("/");
  if (path === "/") have.length = 1, have.push("");
  if (want.length !== have.length) return null;
  const found = {};
  for (let i = 0; i < want.length; i++) {
    if (want[i].startsWith(":")) {
      try { found[want[i].slice(1)] = decodeURIComponent(have[i]); } catch { return null; }
      if (have[i] === "") return null;
    } else if (want[i] !== have[i]) return null;
  }
  return found;
}
