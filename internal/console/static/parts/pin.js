// Keeping a version for good, or letting it go.
import { html } from "../html.js";
import { at, put } from "../api.js";
import { Action } from "./action.js";
import { because } from "./command.js";
import { shell } from "../format.js";

export function Pin({ name, version, done }) {
  const word = version.pinned ? "unpin" : "pin", n = version.number;
  return html`<${Action} label=${`${version.pinned ? "Unpin" : "Pin"} ${n}`} reason
    ask=${version.pinned ? `Version ${n} of ${name} may be removed again when limits on how many are kept say so, and copies of its files with it.`
      : `Version ${n} of ${name} and the copies of its files are kept for good, whatever limits are set.`}
    run=${(message) => put(at("services", name, "versions", String(n)), { pinned: !version.pinned }, message)}
    command=${(message) => `sluice ${word} ${shell(name)} ${n}${because(message)}`} done=${done} />`;
}
