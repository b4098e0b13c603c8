// What was measured of a service, as columns that a chart can draw. Plain data,
// no page.
import { latency, number } from "../format.js";

// measures are the charts, in order: field of the API, title, how a value reads.
export const measures = [
  { field: "requests_per_second", title: "Requests per second", short: "Requests/s", read: number },
  { field: "errors_per_second", title: "Errors per second", short: "Errors/s", read: number },
  { field: "p50", title: "Latency p50", short: "p50", read: latency },
  { field: "p95", title: "Latency p95", short: "p95", read: latency },
  { field: "p99", title: "Latency p99", short: "p99", read: latency },
];

// columns lays a series on a grid of its steps: a step without a point, and a
// version without a value in one, is null, which a chart leaves open. Times are
// seconds since 1970.
//
//	points at 0 s and 20 s, steps of 10 s: at [0, 10, 20], values [3, null, 5]
export function columns(series) {
  const step = series.step_seconds;
  const known = new Map(series.points.map((p) => [Math.round(Date.parse(p.at) / 1000 / step), p]));
  const first = Math.round(Date.parse(series.from) / 1000 / step), last = Math.round(Date.parse(series.to) / 1000 / step);
  const at = [], points = [];
  for (let i = first; i < last; i++) {
    at.push(i * step);
    points.push(known.get(i));
  }
  const versions = [...new Set(series.points.flatMap((p) => p.versions.map((v) => v.version)))].sort((a, b) => a - b);
  const values = (field, version) => points.map((p) => p?.versions.find((v) => v.version === version)?.[field] ?? null);
  return { at, versions, values };
}

// summary is a chart in a sentence, for who does not see it: the newest and the
// highest value of each version.
export function summary(measure, grid) {
  const parts = grid.versions.map((version) => {
    const all = grid.values(measure.field, version).filter((v) => v !== null);
    if (all.length === 0) return `version ${version} not measured`;
    return `version ${version} last ${measure.read(all.at(-1))}, highest ${measure.read(Math.max(...all))}`;
  });
  return measure.title + ": " + (parts.length === 0 ? "nothing was measured" : parts.join("; "));
}

// numbersOf is a series as rows of a table, the newest first.
export const numbersOf = (series) => series.points.flatMap((p) => p.versions.map((v) => ({ at: p.at, ...v }))).reverse();

// windowOf is what to ask for and to show of a moment in the past with a margin on
// both sides: minutes back from now and the ends in seconds. Null when it is
// longer ago than anything is kept.
export function windowOf(from, to, now = Date.now()) {
  const begin = Date.parse(from), end = to ? Date.parse(to) : now;
  const margin = Math.max(60_000, (end - begin) / 10);
  const most = 24 * 60;
  if (now - end > most * 60_000) return null;
  const minutes = Math.min(most, Math.max(1, Math.ceil((now - begin + margin) / 60_000)));
  return { minutes, from: (begin - margin) / 1000, to: Math.min(now, end + margin) / 1000 };
}
