// Light or dark, as the system says or as one chooses.
import { html, useState } from "../html.js";

export function Colours() {
  const [theme, set] = useState(document.documentElement.dataset.theme ?? "");
  const choose = (value) => {
    set(value);
    if (value) document.documentElement.dataset.theme = value; else delete document.documentElement.dataset.theme;
    try { value ? localStorage.setItem("sluice.theme", value) : localStorage.removeItem("sluice.theme"); } catch { /* storage is off */ }
  };
  return html`<label class="theme"><span class="hidden">Colours</span><select value=${theme} onChange=${(e) => choose(e.target.value)}>
    <option value="">system</option><option value="light">light</option><option value="dark">dark</option></select></label>`;
}
