// Calls of the HTTP API under /api/v1, the same that the command line uses.
import { current, ended } from "./session.js";
import { useEffect, useState } from "./html.js";

// Problem is an answer that is an error (RFC 9457): detail says what is wrong,
// hint what to do next, errors which fields.
export class Problem extends Error {
  constructor(body, status) {
    super(body.detail || "the server answered " + status);
    this.status = status;
    this.code = body.code || "";
    this.hint = body.hint || "";
    this.errors = body.errors || [];
  }
}

async function ask(method, path, body, revision) {
  const headers = {};
  if (revision !== undefined) headers["If-Match"] = `"${revision}"`;
  if (method !== "GET") headers["X-CSRF-Token"] = current()?.csrf ?? "";
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    return await fetch("/api/v1" + path, {
      method, headers, credentials: "same-origin",
      body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
    });
  } catch {
    throw new Problem({ detail: "the server cannot be reached", hint: "what serves goes on; try again when the server is back", code: "unreachable" }, 0);
  }
}

async function call(method, path, body, revision) {
  const answer = await ask(method, path, body, revision);
  if (answer.status === 401) ended();
  const text = await answer.text();
  let value = null;
  try {
    value = text === "" ? null : JSON.parse(text);
  } catch {
    throw new Problem({ detail: "the server answered " + answer.status + " with something that is no JSON" }, answer.status);
  }
  if (!answer.ok) throw new Problem(value ?? {}, answer.status);
  return value;
}

// at makes a path of parts that may hold anything: at("services", name, "plan").
export const at = (...parts) => "/" + parts.map(encodeURIComponent).join("/");

// query adds parameters; those that are undefined or "" are left out.
export function query(path, parameters) {
  const q = new URLSearchParams();
  for (const [key, value] of Object.entries(parameters)) if (value !== undefined && value !== "" && value !== null) q.set(key, value);
  const text = q.toString();
  return text === "" ? path : path + (path.includes("?") ? "&" : "?") + text;
}

export const get = (path) => call("GET", path);
// put takes a revision, too: the change is made only if the service is still as
// it was seen (412 otherwise).
export const put = (path, body = {}, message, revision) => call("PUT", query(path, { message }), body, revision);
export const post = (path, body = {}, message) => call("POST", query(path, { message }), body);
export const remove = (path, message) => call("DELETE", query(path, { message }));

// text reads an answer that is no JSON: logs.
export async function text(path) {
  const answer = await ask("GET", path);
  if (answer.status === 401) ended();
  const body = await answer.text();
  if (answer.ok) return body;
  let problem = {};
  try { problem = JSON.parse(body); } catch { /* the status says it */ }
  throw new Problem(problem, answer.status);
}

// useGet reads a path now and whenever one of deps changes. {value, problem,
// loading}; the last value stays while the next one is read. path null reads
// nothing. again reads once more.
export function useGet(path, deps = []) {
  const [state, set] = useState({ path: null, value: null, problem: null, loading: path !== null });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (path === null) return undefined;
    let over = false;
    set((was) => ({ ...was, value: was.path === path ? was.value : null, problem: was.path === path ? was.problem : null, path, loading: true }));
    get(path).then(
      (value) => over || set({ path, value, problem: null, loading: false }),
      (problem) => over || set((was) => ({ path, value: was.path === path ? was.value : null, problem, loading: false })),
    );
    return () => { over = true; };
  }, [path, turn, ...deps]);
  return { ...state, again: () => setTurn((n) => n + 1) };
}
