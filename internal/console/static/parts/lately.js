// The charts of a service. Their library is fetched when they are first shown, so
// that no page waits for it.
import { html, useEffect, useState } from "../html.js";

let fetched = null;

export function Lately(properties) {
  const [Charts, set] = useState(() => fetched);
  const [lost, lose] = useState(false);
  useEffect(() => {
    if (Charts) return undefined;
    let over = false;
    import("./chart.js").then((m) => { fetched = m.Charts; if (!over) set(() => fetched); }, () => over || lose(true));
    return () => { over = true; };
  }, []);
  return html`<section class="card" aria-labelledby="charts-title"><h2 id="charts-title">Traffic by version</h2>
    ${Charts ? html`<${Charts} ...${properties} />` : lost ? html`<p class="faint">The charts cannot be fetched: reload the page when the server is back.</p>` : html`<p class="loading">Fetching the charts…</p>`}
  </section>`;
}
