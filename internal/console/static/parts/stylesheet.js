// Styles that one page alone needs, fetched with it: the first view stays small.
const sheets = new Map();

// stylesheet links a file of this folder's parent once, and is done when it is
// there. A page without its styles can be read, so a failure is none.
export function stylesheet(name) {
  const known = sheets.get(name);
  if (known) return known;
  const link = document.createElement("link");
  link.rel = "stylesheet";
  link.href = new URL("../" + name, import.meta.url);
  const there = new Promise((done) => { link.onload = link.onerror = done; });
  sheets.set(name, there);
  document.head.append(link);
  return there;
}
