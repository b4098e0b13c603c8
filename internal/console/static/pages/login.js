// Logging in: with a token, or with the one-time code of a link from
// `sluice console`.
import { html, useEffect, useState } from "../html.js";
import { current, login } from "../session.js";
import { go, usePlace } from "../router.js";
import { Problem } from "../parts/problem.js";

export function Login() {
  const { path, query } = usePlace();
  const [code] = useState(() => (path === "/login" ? query.get("code") : null));
  const [known] = useState(current); // before the link is used
  const [asks, setAsks] = useState(code !== null && known !== null);
  const [token, setToken] = useState("");
  const [busy, setBusy] = useState(code !== null && known === null);
  const [problem, setProblem] = useState(null);
  const enter = async (secret) => {
    setBusy(true);
    setProblem(null);
    try {
      await login(secret);
      if (location.pathname === "/login") go("/", { replace: true });
    } catch (e) {
      setProblem(Object.assign(e, { hint: e.problem?.hint }));
    } finally {
      setBusy(false);
    }
  };
  useEffect(() => {
    if (code === null) {
      if (path === "/login" && current()) go("/", { replace: true });
      return;
    }
    history.replaceState(null, "", "/login"); // the code stays in no address bar
    if (known === null) enter({ code });
  }, []);
  // Somebody else's link must not put another's name to what this person does next.
  if (asks) {
    return html`<main class="alone" id="main"><h1>Sluice</h1>
      <p>You are logged in as <strong>${known.name}</strong>, ${known.role}. The link logs this browser in with the name and role of whoever made it, or as a viewer, and ends that session.</p>
      <p class="actions"><button type="button" class="primary" onClick=${() => go("/", { replace: true })}>Go on as ${known.name}</button>
        <button type="button" onClick=${() => { setAsks(false); enter({ code }); }}>Use the link</button></p></main>`;
  }
  return html`<main class="alone" id="main">
    <h1>Sluice</h1>
    <form onSubmit=${(e) => { e.preventDefault(); enter({ token: token.trim() }); }}>
      <label class="field"><span>Token</span>
        <input type="password" name="token" autocomplete="current-password" value=${token} onInput=${(e) => setToken(e.target.value)} required autofocus /></label>
      <${Problem} of=${problem} />
      <button type="submit" class="primary" disabled=${busy}>${busy ? "Logging in…" : "Log in"}</button>
    </form>
    <p class="faint">The server wrote a first token to <code>admin.token</code> in its data directory. <code>sluice console</code> prints a link that logs in once.</p>
  </main>`;
}
