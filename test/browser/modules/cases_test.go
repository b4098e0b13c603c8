package modules

const members = `[{service: "a", state: "grouping", weight: 100, ready: 3, desired: 4}, {service: "b", state: "grouping", weight: 0, ready: 2, desired: 1}, {service: "c", state: "standalone", weight: 50, ready: 1, desired: 1}]`

const series = `{step_seconds: 10, from: "2026-01-02T03:04:00.000Z", to: "2026-01-02T03:04:40.000Z", points: [
	{at: "2026-01-02T03:04:00.000Z", versions: [{version: 3, requests_per_second: 4, p50: 0.02}, {version: 12, requests_per_second: 0, p50: null}]},
	{at: "2026-01-02T03:04:30.000Z", versions: [{version: 12, requests_per_second: 7, p50: 0.01}]}]}`

const event = `{seq: 1, service: "s", type: "warning", reason: "ReplicaFailed", rollout: "s-r2", version: 2, replica: "s-2-1", actor: "ann", time: "2026-01-02T03:00:00.000Z"}`

var cases = []struct{ name, module, expression, want string }{
	{"shares by weight leave out who is standalone", "parts/share.js", `[...m.sharesOf(` + members + `, "customized")]`, `[["a",1],["b",0],["c",0]]`},
	{"shares by replicas count no more than desired", "parts/share.js", `[...m.sharesOf(` + members + `, "auto")]`, `[["a",0.75],["b",0.25],["c",0]]`},
	{"nobody with a weight gets nothing", "parts/share.js", `[...m.sharesOf([{service: "a", state: "grouping", weight: -1}], "customized")]`, `[["a",0]]`},
	{"the total counts who is grouping", "parts/share.js", `m.totalOf(` + members + `)`, `100`},
	{"a canary dragged to 25 takes it from the others", "parts/share.js", `m.withWeight(` + members + `, "b", 25, 100).map((x) => x.weight)`, `[75,25,50]`},
	{"no more than the total", "parts/share.js", `m.withWeight(` + members + `, "b", 900, 100).map((x) => x.weight)`, `[0,100,50]`},
	{"remainders keep the total exact", "parts/share.js",
		`m.withWeight(["a", "b", "c", "d"].map((service) => ({service, state: "grouping", weight: 25})), "d", 0, 100).map((x) => x.weight)`, `[34,33,33,0]`},
	{"others without any weight share equally", "parts/share.js",
		`m.withWeight(["a", "b", "c"].map((service) => ({service, state: "grouping", weight: service === "c" ? 10 : 0})), "c", 4, 10).map((x) => x.weight)`, `[3,3,4]`},
	{"alone it has what it is given", "parts/share.js", `m.withWeight([{service: "a", state: "grouping", weight: 5}], "a", 7, 5).map((x) => x.weight)`, `[7]`},

	{"a chart has every step", "parts/measured.js", `m.columns(` + series + `).at.map((t) => t - m.columns(` + series + `).at[0])`, `[0,10,20,30]`},
	{"versions are in the order of their numbers", "parts/measured.js", `m.columns(` + series + `).versions`, `[3,12]`},
	{"what was not measured stays open", "parts/measured.js", `m.columns(` + series + `).values("requests_per_second", 12)`, `[0,null,null,7]`},
	{"a quantile of nothing stays open", "parts/measured.js", `m.columns(` + series + `).values("p50", 12)`, `[null,null,null,0.01]`},
	{"a chart in a sentence", "parts/measured.js", `m.summary(m.measures[0], m.columns(` + series + `))`, `"Requests per second: version 3 last 4, highest 4; version 12 last 7, highest 7"`},
	{"numbers begin with the newest", "parts/measured.js", `m.numbersOf(` + series + `).map((r) => [r.at.slice(14, 19), r.version])`, `[["04:30",12],["04:00",12],["04:00",3]]`},
	{"a rollout has a margin of a tenth", "parts/measured.js",
		`(() => { const w = m.windowOf("2026-01-02T03:00:00Z", "2026-01-02T03:50:00Z", Date.parse("2026-01-02T04:00:00Z")); return [w.minutes, w.to - w.from]; })()`, `[65,3600]`},
	{"one that goes on ends now", "parts/measured.js",
		`(() => { const now = Date.parse("2026-01-02T04:00:00Z"), w = m.windowOf("2026-01-02T03:59:00Z", null, now); return [w.minutes, w.to - now / 1000]; })()`, `[2,0]`},
	{"what is longer ago than a day is gone", "parts/measured.js", `m.windowOf("2026-01-01T03:00:00Z", "2026-01-01T03:50:00Z", Date.parse("2026-01-02T04:00:00Z"))`, `null`},

	{"two are compared in their order", "pages/versions.js", `m.pairOf([5, 2], [5, 4, 3, 2, 1], 5)`, `[2,5]`},
	{"one is compared with the current one", "pages/versions.js", `m.pairOf([2], [5, 4, 3, 2, 1], 4)`, `[2,4]`},
	{"none: the current one with the one before", "pages/versions.js", `m.pairOf([], [5, 4, 2], 4)`, `[2,4]`},
	{"the current one alone is no pair", "pages/versions.js", `m.pairOf([4], [5, 4], 4)`, `null`},
	{"the first version has none before it", "pages/versions.js", `m.pairOf([], [1], 1)`, `null`},

	{"equal lines far from a change are left out", "pages/compare.js",
		`m.shortened([..."ssssssrsssss"].map((c, i) => ({op: c === "s" ? "same" : "replace", from: String(i)}))).map((l) => typeof l === "number" ? "…" + l : l.from)`,
		`["…3","3","4","5","6","7","8","9","…2"]`},
	{"equal texts are left out whole", "pages/compare.js", `m.shortened([{op: "same"}, {op: "same"}])`, `[2]`},

	{"the newest page of the audit log joins what is known", "pages/audit.js", `m.joined([{seq: 1}, {seq: 2}, {seq: 3}], [{seq: 3}, {seq: 4}], 2).map((e) => e.seq)`, `[1,2,3,4]`},
	{"a page that does not reach what is known stands alone", "pages/audit.js", `m.joined([{seq: 1}, {seq: 2}], [{seq: 4}, {seq: 5}], 2).map((e) => e.seq)`, `[4,5]`},
	{"a short page is all there is to add", "pages/audit.js", `m.joined([{seq: 1}, {seq: 2}], [{seq: 4}], 2).map((e) => e.seq)`, `[1,2,4]`},
	{"an empty page takes nothing away", "pages/audit.js", `m.joined([{seq: 1}], [], 2).map((e) => e.seq)`, `[1]`},

	{"a freeze refuses changes", "parts/rollback.js", `m.frozenWhy({frozen: {reason: "holidays", until: "2026-03-01T12:00:00Z"}}, Date.parse("2026-03-01T11:00:00Z"))`, `"frozen: holidays"`},
	{"a freeze that has run out does not", "parts/rollback.js", `m.frozenWhy({frozen: {reason: "holidays", until: "2026-03-01T12:00:00Z"}}, Date.parse("2026-03-01T12:00:00Z"))`, `""`},
	{"what is not frozen", "parts/rollback.js", `m.frozenWhy({frozen: null})`, `""`},

	{"no filter takes every event", "pages/events.js", `m.takes({}, ` + event + `)`, `true`},
	{"filters must all hold", "pages/events.js", `m.takes({service: "s", type: "warning", reason: "ReplicaFailed", rollout: "s-r2", version: "2", replica: "s-2-1", actor: "ann"}, ` + event + `)`, `true`},
	{"another type", "pages/events.js", `m.takes({service: "s", type: "normal"}, ` + event + `)`, `false`},
	{"another version", "pages/events.js", `m.takes({version: "3"}, ` + event + `)`, `false`},
	{"since a span ago", "pages/events.js", `["59m", "61m"].map((since) => m.takes({since}, ` + event + `, Date.parse("2026-01-02T04:00:00Z")))`, `[false,true]`},
	{"since a time", "pages/events.js", `["2026-01-02T03:00:00Z", "2026-01-02T03:00:01Z"].map((since) => m.takes({since}, ` + event + `))`, `[true,false]`},
}
