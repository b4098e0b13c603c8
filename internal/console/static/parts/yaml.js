// A service file as YAML to be edited. Only what JSON knows is written; any text
// that YAML could take for something else is quoted.
const plain = /^[A-Za-z_./$][\w ./$=+-]*$/;
const words = /^(true|false|null|yes|no|on|off|y|n|\.nan|[-+]?\.inf|~)$/i;

function scalar(value) {
  if (typeof value !== "string") return JSON.stringify(value);
  return plain.test(value) && !words.test(value) && !value.endsWith(" ") ? value : JSON.stringify(value);
}

const empty = (v) => typeof v === "object" && v !== null && Object.keys(v).length === 0;
const block = (v) => typeof v === "string" && /\n./.test(v) && !/[ \t]+\n|^\s|[^\n\t\x20-\x7e\u00a0-\ud7ff]/.test(v);

function write(value, indent) {
  if (block(value)) {
    const chomp = value.endsWith("\n\n") ? "+" : value.endsWith("\n") ? "" : "-";
    return ` |${chomp}\n` + value.replace(/\n$/, "").split("\n").map((line) => (line ? indent + line : line)).join("\n") + "\n";
  }
  if (typeof value !== "object" || value === null || empty(value)) return " " + scalar(value) + "\n";
  if (Array.isArray(value)) return "\n" + value.map((item) => `${indent}-${inList(item, indent + "  ")}`).join("");
  return "\n" + fields(value, indent);
}

// inList puts the first key of an object beside the dash.
function inList(value, indent) {
  if (typeof value === "object" && value !== null && !Array.isArray(value) && !empty(value)) return " " + fields(value, indent).slice(indent.length);
  return write(value, indent);
}

function fields(object, indent) {
  return Object.entries(object).map(([key, value]) => `${indent}${scalar(key)}:${write(value, indent + "  ")}`).join("");
}

export const toYAML = (value) => (empty(value) ? "{}\n" : fields(value, ""));
