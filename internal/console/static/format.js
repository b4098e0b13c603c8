// Values as people read them.

// ago: "12s", "5m", "3h", "2d".
export function span(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 90) return s + "s";
  if (s < 90 * 60) return Math.round(s / 60) + "m";
  if (s < 36 * 3600) return Math.round(s / 3600) + "h";
  return Math.round(s / 86400) + "d";
}

export const ago = (time, now = Date.now()) => span((now - new Date(time).getTime()) / 1000) + " ago";

// duration keeps two units: "6m 05s".
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "unknown";
  if (seconds < 1) return Math.round(seconds * 1000) + " ms";
  const s = Math.round(seconds);
  if (s < 60) return s + "s";
  if (s < 3600) return Math.floor(s / 60) + "m " + String(s % 60).padStart(2, "0") + "s";
  return Math.floor(s / 3600) + "h " + String(Math.floor((s % 3600) / 60)).padStart(2, "0") + "m";
}

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
export const exact = (time) => moment.format(new Date(time)) + " (" + new Date(time).toISOString() + ")";
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

// local is the time in the reader's zone, with the day when it is another.
export function local(time) {
  const t = new Date(time);
  return t.toDateString() === new Date().toDateString() ? clock.format(t) : day.format(t) + ", " + clock.format(t);
}

export const percent = (part) => (part === null || part === undefined ? "–" : (part * 100).toFixed(part > 0 && part < 0.0995 ? 1 : 0) + "%");

export function number(n) {
  if (n === null || n === undefined) return "–";
  if (Math.abs(n) >= 1e6) return (n / 1e6).toFixed(1) + "M";
  if (Math.abs(n) >= 1e4) return (n / 1e3).toFixed(1) + "k";
  return Number.isInteger(n) ? String(n) : n.toFixed(Math.abs(n) < 10 ? 2 : 1);
}

// seconds of a latency: "12 ms".
export const latency = (s) => (s === null || s === undefined || s === 0 ? "–" : s < 0.001 ? (s * 1e6).toFixed(0) + " µs" : s < 1 ? (s * 1e3).toFixed(s < 0.01 ? 1 : 0) + " ms" : s.toFixed(2) + " s");

export function bytes(n) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let i = 0;
  while (n >= 1024 && i < units.length - 1) { n /= 1024; i++; }
  return (i === 0 ? n : n.toFixed(1)) + " " + units[i];
}

export const plural = (n, one, many = one + "s") => n + " " + (n === 1 ? one : many);

// shell quotes a word for a command that is shown for copying.
export const shell = (word) => (/^[A-Za-z0-9_./:=@%+,-]+$/.test(word) ? word : "'" + String(word).replaceAll("'", "'\\''") + "'");
