// How a group's requests are divided. Plain data, no page.

// sharesOf is each member's share by the rules of docs/canary.md: members are
// {service, state, weight, ready, desired} as the API shows them.
//
//	customized, weights 75 and 25: 0.75 and 0.25; a standalone member gets 0
export function sharesOf(members, mode) {
  const part = (m) => (m.state !== "grouping" ? 0 : mode === "auto" ? Math.min(m.ready, m.desired) : Math.max(0, m.weight));
  const sum = members.reduce((n, m) => n + part(m), 0);
  return new Map(members.map((m) => [m.service, sum === 0 ? 0 : part(m) / sum]));
}

// totalOf is the sum of the weights that count.
export const totalOf = (members) => members.reduce((n, m) => n + (m.state === "grouping" ? Math.max(0, m.weight) : 0), 0);

// withWeight gives one member a weight and takes what it gains from the others,
// in their proportion, so that the total stays: with a total of 100 a weight is a
// percentage. Others without any weight share equally. Rests go to the largest
// remainders, so that the total is exact.
//
//	a 100, b 0, total 100: b to 25 makes a 75
export function withWeight(members, service, weight, total) {
  const others = members.filter((m) => m.service !== service && m.state === "grouping");
  if (others.length === 0) return members.map((m) => (m.service === service ? { ...m, weight } : m));
  const own = Math.min(weight, total), left = total - own, had = totalOf(others);
  const exact = new Map(others.map((m) => [m.service, had > 0 ? (Math.max(0, m.weight) / had) * left : left / others.length]));
  const given = new Map([...exact].map(([name, n]) => [name, Math.floor(n)]));
  let rest = left - [...given.values()].reduce((a, b) => a + b, 0);
  for (const [name] of [...exact].sort((a, b) => (b[1] % 1) - (a[1] % 1) || (a[0] < b[0] ? -1 : 1))) {
    if (rest <= 0) break;
    given.set(name, given.get(name) + 1);
    rest--;
  }
  return members.map((m) => (m.service === service ? { ...m, weight: own } : given.has(m.service) ? { ...m, weight: given.get(m.service) } : m));
}
