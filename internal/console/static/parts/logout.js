// Logging out, and saying so when that has not happened.
import { html, useState } from "../html.js";
import { logout } from "../session.js";

export function LogOut({ quiet }) {
  const [problem, set] = useState(null);
  const leave = () => { set(null); return logout().catch(set); };
  return html`<button type="button" class=${quiet ? "quiet" : ""} onClick=${leave}>Log out</button>
    ${problem && html`<span class="bad-news" role="alert">You are still logged in: ${problem.message}.</span>`}`;
}
