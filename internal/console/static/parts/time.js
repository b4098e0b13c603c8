// A time as "5m ago", the exact one on hover and for screen readers.
import { html, useEffect, useState } from "../html.js";
import { ago, duration, exact, local } from "../format.js";

// useNow is the time, anew every so many seconds.
export function useNow(every = 5) {
  const [now, set] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => set(Date.now()), every * 1000);
    return () => clearInterval(timer);
  }, [every]);
  return now;
}

export function Ago({ at }) {
  const now = useNow();
  if (!at) return html`<span class="faint">–</span>`;
  return html`<time datetime=${at} title=${exact(at)}>${ago(at, now)}</time>`;
}

export const When = ({ at }) => (at ? html`<time datetime=${at} title=${exact(at)}>${local(at)}</time>` : html`<span class="faint">–</span>`);

// Countdown shows how long until a moment, "now" once it has come.
export function Countdown({ to }) {
  const now = useNow(1);
  const left = (new Date(to).getTime() - now) / 1000;
  return html`<time datetime=${to} title=${exact(to)}>${left > 0.5 ? "in " + duration(left) : "now"}</time>`;
}
