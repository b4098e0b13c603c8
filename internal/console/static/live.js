// What the event stream says: every service as it is now, the newest events, and
// whether the stream is there. Pages read it with useServices, useService and
// useLive; nothing is shown as present when it may be old: connection says so.
import { useEffect, useState } from "./html.js";
import { current, ended, load } from "./session.js";

const eventsKept = 500;
const silence = 40_000; // ms; the server sends something at least every 15 s

let source = null;
let heard = 0;
let timer = 0;
let version = 0;
const listeners = new Set();

export const live = {
  connection: "connecting", // connecting | live | lost
  since: null, // when the connection was lost
  services: new Map(), // by name
  events: [], // ascending by seq
  loaded: false,
  turn: 0, // grows when all was sent anew: events may have been missed before
};

let due = false;
// changed tells listeners, at most once a frame: a thousand services may change
// at once.
function changed() {
  version++;
  if (due) return;
  due = true;
  requestAnimationFrame(() => {
    due = false;
    for (const listener of [...listeners]) listener(version);
  });
}

function connection(state) {
  if (live.connection === state) return;
  live.connection = state;
  live.since = state === "lost" ? new Date() : null;
  changed();
}

function on(kind, take) {
  source.addEventListener(kind, (e) => {
    heard = Date.now();
    connection("live");
    take(JSON.parse(e.data));
    changed();
  });
}

function open() {
  close();
  heard = Date.now();
  source = new EventSource("/api/v1/watch?config=false");
  on("resync", (all) => {
    live.services = new Map(all.services.map((s) => [s.name, s]));
    live.loaded = true;
    live.turn++;
  });
  on("service", (s) => live.services.set(s.name, s));
  on("deleted", (d) => live.services.delete(d.name));
  on("beat", () => {});
  on("event", (e) => {
    if (live.events.length > 0 && live.events.some((known) => known.seq === e.seq)) return;
    live.events.push(e);
    if (live.events.length > eventsKept) live.events.splice(0, live.events.length - eventsKept);
  });
  source.onerror = () => {
    connection("lost");
    if (source && source.readyState === EventSource.CLOSED) again();
  };
}

function close() {
  source?.close();
  source = null;
}

// again opens the stream once more after a while; a browser gives up on its own
// when the answer was an error, such as a session that is over.
let waiting = 0;
function again() {
  close();
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    try {
      if ((await load()) === null) return;
      open();
    } catch {
      again();
    }
  }, 1000);
}

// A browser has few connections to one host, and each stream holds one: a tab
// that nobody looks at lets go of it after a while, and reads all anew when it is
// looked at.
const unseen = 60_000; // ms
let leaving = 0;
function seen() {
  clearTimeout(leaving);
  if (document.hidden) {
    leaving = setTimeout(() => { close(); connection("connecting"); }, unseen);
  } else if (!source && live.connection === "connecting") {
    open();
  }
}

// A page that is left may be kept by the browser, to be gone back to; its stream
// would hold a connection meanwhile.
function left() { close(); }
function back(e) { if (e.persisted) open(); }

// start follows the stream while somebody is logged in.
export function start() {
  open();
  document.addEventListener("visibilitychange", seen);
  addEventListener("pagehide", left);
  addEventListener("pageshow", back);
  clearInterval(timer);
  timer = setInterval(() => {
    if (source && Date.now() - heard > silence) {
      connection("lost");
      again();
    }
  }, 5000);
}

export function stop() {
  close();
  document.removeEventListener("visibilitychange", seen);
  removeEventListener("pagehide", left);
  removeEventListener("pageshow", back);
  clearTimeout(leaving);
  clearInterval(timer);
  clearTimeout(waiting);
  Object.assign(live, { connection: "connecting", since: null, services: new Map(), events: [], loaded: false });
}

// useLive renders anew whenever pick gives another value (by ===).
export function useLive(pick) {
  const [, set] = useState(0);
  const value = pick(live);
  useEffect(() => {
    let last = value;
    const listener = (n) => {
      const next = pick(live);
      if (next !== last) { last = next; set(n); }
    };
    listeners.add(listener);
    listener(version);
    return () => listeners.delete(listener);
  });
  return value;
}

export const useService = (name) => useLive((l) => l.services.get(name));

// useTurn changes when events may have been missed: what was read for itself has to
// be read again.
export const useTurn = () => useLive((l) => l.turn);

// useVersion changes with everything that comes: for pages that show it all.
export const useVersion = () => useLive(() => version);

export { current, ended };
