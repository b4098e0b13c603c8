// Links that open the console: one to share, for looking only, and one for
// oneself.
import { html, useState } from "../../html.js";
import { post, remove } from "../../api.js";
import { plural } from "../../format.js";
import { Action, Dialog } from "../../parts/action.js";
import { Copy } from "../../parts/command.js";
import { When } from "../../parts/time.js";

export function Links() {
  const [hours, setHours] = useState("24");
  const [made, show] = useState(null);
  const n = Number(hours), good = Number.isInteger(n) && n >= 1 && n <= 168;
  return html`<section class="card" aria-labelledby="links-title"><h2 id="links-title">Links to the console</h2>
    <p>A shared link lets whoever has it look at everything but tokens, and change nothing, until it ends.</p>
    <div class="actions">
      <${Action} label="Share a link…" role="viewer" done=${show} lacks=${good ? "" : "1 to 168 hours"} ask="Whoever has the link sees what a viewer sees. It ends by itself, or with the token that you came with."
        form=${html`<label class="field"><span>Good for so many hours</span><input type="number" min="1" max="168" value=${hours} onInput=${(e) => setHours(e.target.value)} /></label>`}
        command=${`sluice console --share --hours ${good ? n : 24}`} run=${() => post("/console/links", { share: true, hours: n })} />
      <${Action} label="A link for another browser of mine" role="viewer" done=${show} ask="It logs one browser in as you, within five minutes." command="sluice console" run=${() => post("/console/links", { share: false })} />
      <${Action} label="End shared links" role="viewer" danger ask="Links that you shared open nothing any more, and what was opened with them ends." command="sluice console --unshare"
        run=${async () => { const { links } = await remove("/console/links"); return { text: plural(links, "link") + " ended" }; }} />
    </div>
    ${made && html`<${Dialog} wide title=${`A link, ${made.role}`} close=${() => show(null)}>
      <p>It is shown this one time and ends <${When} at=${made.expires_at} />.</p>
      <p class="secret"><code tabindex="0">${made.url}</code> <${Copy} text=${made.url} what="the link" /></p>
      <footer><button type="button" class="primary" onClick=${() => show(null)}>I have it</button></footer></${Dialog}>`}
  </section>`;
}
