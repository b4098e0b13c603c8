// Who is logged in. The session itself is a cookie that no script can read; this
// is what the server says of it.
import { useEffect, useState } from "./html.js";

const ranks = { viewer: 0, operator: 1, admin: 2 };
let session = null; // {name, role, csrf, expires_at, server_version}
const listeners = new Set();

let first = null; // the program that this page came from

function tell(next) {
  session = next;
  first ??= next?.server_version ?? null;
  for (const listener of listeners) listener(next);
}

export const current = () => session;

// outdated tells that another build of the program answers than the one that
// this page came from: parts of the page that were not fetched yet are gone.
export const outdated = () => session !== null && first !== null && session.server_version !== first;

// may tells whether the role of the session includes another: buttons for what
// it does not include are not there at all.
export const may = (role) => session !== null && ranks[session.role] >= ranks[role];

export function useSession() {
  const [value, set] = useState(session);
  useEffect(() => { listeners.add(set); return () => listeners.delete(set); }, []);
  return value;
}

async function ask(path, options) {
  const answer = await fetch("/console/" + path, { credentials: "same-origin", ...options }).catch(() => { throw new Error("the server cannot be reached"); });
  if (answer.status === 204) return null;
  const body = await answer.json().catch(() => ({ detail: answer.status + " " + answer.statusText }));
  if (!answer.ok) throw Object.assign(new Error(body.detail), { problem: body, status: answer.status });
  return body;
}

// load asks the server who is logged in; nobody is no error.
export async function load() {
  try {
    tell(await ask("session"));
  } catch (e) {
    if (e.status !== 401) throw e;
    tell(null);
  }
  return session;
}

// login takes {token} or {code}.
export async function login(secret) {
  tell(await ask("login", { method: "POST", body: JSON.stringify(secret), headers: { "Content-Type": "application/json" } }));
}

const leave = () => ask("logout", { method: "POST", headers: { "X-CSRF-Token": session?.csrf ?? "" } });

// logout ends the session. It throws where that cannot be done: nobody shall leave
// a browser that is still logged in and looks as if it were not.
export async function logout() {
  try {
    await leave().catch(async (e) => {
      if (e.status !== 403) throw e;
      await load(); // another tab has logged in since, and the token here is of before
      await leave();
    });
  } catch (e) {
    if (e.status !== 401) throw e;
  }
  tell(null);
}

// ended is for an answer that says that the session is over.
export const ended = () => tell(null);
