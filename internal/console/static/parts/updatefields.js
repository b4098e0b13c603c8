// What the form to update a service offers: each field with its key, its default
// here and what one trades for what.

const container = ["containers", 0];

// fields: kind is count (3 or 25%), number, flag, choice or text; standard says
// the default, from the bounds that the server resolved for the service's
// resource group (null: not known); without it, nothing is the default.
export const fields = [
  {
    id: "max_surge", at: ["metadata", "rolling_strategy", "max_surge"], kind: "count", label: "Exceeds the expected number of replicas",
    standard: (b) => "2%, at least 1" + (b ? `, so ${b.max_surge} here` : ""),
    trade: "More makes the update shorter, and needs room for that many more replicas at a time.",
  },
  {
    id: "max_unavailable", at: ["metadata", "rolling_strategy", "max_unavailable"], kind: "count", label: "Maximum unavailable replicas",
    standard: (b, group) => (b ? `${b.max_unavailable} in this resource group (${group || "public"})` : "by resource group: public 0; dedicated 1, with an elastic pool 0; quota 2%, at least 1"),
    trade: "Above 0 it needs less room, but that many replicas are missing while it lasts; the others carry their load.",
  },
  {
    id: "grace", at: ["metadata", "eas", "termination_grace_period"], kind: "number", unit: "seconds", label: "Graceful shutdown time",
    standard: () => "30",
    trade: "Longer lets slow requests and streams finish; a replica that has none may hold its place that long.",
  },
  {
    id: "sigterm", at: ["metadata", "rpc", "enable_sigterm"], kind: "flag", label: "Send SIGTERM",
    standard: () => "off",
    trade: "On lets a replica end as soon as it is done, if its program drains on SIGTERM; one that does not may cut what it has in hand.",
  },
  {
    id: "drain", at: ["metadata", "eas", "drain"], kind: "choice", options: ["grace_period", "idle"], label: "End of a replica",
    standard: () => "grace_period",
    trade: "idle ends it as soon as nothing is in flight, which is much faster; grace_period waits for the whole time, as EAS does.",
  },
  { id: "instance", at: ["metadata", "instance"], kind: "number", label: "Replicas", standard: () => "1", trade: "A change of this alone is a scale: no version, no rollout." },
  { id: "model_path", at: ["model_path"], kind: "text", label: "Model path", trade: "Given to replicas as $MODEL_PATH. A change replaces every replica." },
  { id: "image", at: [...container, "image"], kind: "text", label: "Image", trade: "The process runtime records it and runs the command." },
  { id: "command", at: [...container, "command"], kind: "text", label: "Command", trade: "Run without a shell; $PORT or {{port}} is the replica's port. A change replaces every replica." },
  { id: "script", at: [...container, "script"], kind: "area", label: "Script", trade: "Run by sh -c, instead of a command." },
];

export const envAt = [...container, "env"];

// look finds what stands at a place, undefined for nothing.
export const look = (config, at) => at.reduce((value, key) => value?.[key], config);

// place puts a value there, or removes what is there for undefined.
function place(config, at, value) {
  const last = at.at(-1);
  let holder = config;
  for (const [i, key] of at.slice(0, -1).entries()) {
    if (holder[key] === undefined) {
      if (value === undefined) return;
      holder[key] = typeof at[i + 1] === "number" ? [] : {};
    }
    holder = holder[key];
  }
  if (value === undefined) delete holder[last]; else holder[last] = value;
}

// shown is a value as its input shows it, "" for the default.
export const shown = (value) => (value === undefined || value === null ? "" : String(value));

// meant is what an input's text means: undefined for the default. Text that is no
// number goes to the server as it is, which says what is allowed.
export function meant(field, text) {
  const t = field.kind === "area" || field.kind === "text" ? text : text.trim();
  if (t === "") return undefined;
  if (field.kind === "flag") return t === "true";
  if ((field.kind === "count" || field.kind === "number") && /^\d+(\.\d+)?$/.test(t)) return Number(t);
  return t;
}

// edited is the configuration with what was typed: edits by field id, env the
// variables or null for as they are.
export function edited(config, edits, env) {
  const next = structuredClone(config);
  for (const field of fields) if (field.id in edits) place(next, field.at, meant(field, edits[field.id]));
  if (env) place(next, envAt, env.length === 0 ? undefined : env.map(({ name, value, secret }) => ({ name, value, ...(secret ? { secret } : {}) })));
  return next;
}

const path = (at) => at.map((key, i) => (typeof key === "number" ? `[${key}]` : (i > 0 ? "." : "") + key)).join("");

// sets are the changes as --set takes them, or null where only a file can say
// them (a variable that becomes a secret). Secret values are not written out.
export function sets(config, next) {
  const list = [];
  for (const field of fields) {
    const [was, now] = [look(config, field.at), look(next, field.at)];
    if (was !== now) list.push(`${path(field.at)}=${now === undefined ? "null" : now}`);
  }
  const [was, now] = [look(config, envAt) ?? [], look(next, envAt) ?? []];
  for (const v of now) {
    const old = was.find((o) => o.name === v.name);
    if (Boolean(old?.secret) !== Boolean(v.secret)) return null;
    if (!old || old.value !== v.value) list.push(`${path(envAt)}[${v.name}]=${v.secret ? "VALUE" : v.value}`);
  }
  for (const o of was) if (!now.some((v) => v.name === o.name)) list.push(`${path(envAt)}[${o.name}]=null`);
  return list;
}
