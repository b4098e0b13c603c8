package gate

import (
	"math"
	"sort"

	"sluice.dev/sluice/api"
)

// errorEvidence weighs shares of errors.
func errorEvidence(r api.GateRule, w Window) evidence {
	of := func(c Counts) tosses {
		errors := min(c.Errors, c.Requests)
		return tosses{float64(errors), float64(c.Requests - errors)}
	}
	old, new := of(w.Old), of(w.New)
	if r.Max != nil {
		return evidence{broken: new.logEvidence(errorPrior, 0, *r.Max), kept: new.logEvidence(errorPrior, *r.Max, 1)}
	}
	return either(r, func(ratio, difference float64) evidence {
		return compare(old, new, line{ratio, difference}, errorPrior)
	})
}

// either asks for the evidence of max_ratio, of max_difference, or of the more
// generous of both; a limit is new <= ratio x old + difference.
func either(r api.GateRule, weigh func(ratio, difference float64) evidence) evidence {
	switch {
	case r.MaxDifference == nil:
		return weigh(*r.MaxRatio, 0)
	case r.MaxRatio == nil:
		return weigh(1, *r.MaxDifference)
	}
	return generous(weigh(*r.MaxRatio, 0), weigh(1, *r.MaxDifference))
}

// quantileOf is the quantile that a metric of latency is about, 0 for others.
func quantileOf(metric string) float64 {
	switch metric {
	case api.MetricLatencyP50:
		return 0.5
	case api.MetricLatencyP95:
		return 0.95
	case api.MetricLatencyP99:
		return 0.99
	}
	return 0
}

// histogram is one side's latency, ready to be asked how many were at most b.
type histogram struct {
	bounds []float64
	upTo   []float64 // upTo[i]: how many at most bounds[i]
	all    float64
}

func newHistogram(bounds []float64, counts []uint64) histogram {
	h := histogram{bounds: bounds, upTo: make([]float64, len(bounds))}
	for i, n := range counts {
		h.all += float64(n)
		if i < len(bounds) {
			h.upTo[i] = h.all
		}
	}
	for i := len(counts); i < len(bounds); i++ {
		h.upTo[i] = h.all
	}
	return h
}

// below is how many were at most the bound with this index: none for -1, all
// for the bucket without a bound.
func (h histogram) below(i int) tosses {
	switch {
	case i < 0:
		return tosses{0, h.all}
	case i >= len(h.bounds):
		return tosses{h.all, 0}
	}
	return tosses{h.upTo[i], h.all - h.upTo[i]}
}

// quantile is the upper bound of the bucket that q falls into; the highest
// bound for the bucket without one.
func (h histogram) quantile(q float64) float64 {
	i := sort.Search(len(h.bounds), func(i int) bool { return h.upTo[i] >= q*h.all })
	return h.bounds[min(i, len(h.bounds)-1)]
}

// atLeast and atMost are the bounds next to x; len(bounds) and -1 for none.
func (h histogram) atLeast(x float64) int {
	return sort.SearchFloat64s(h.bounds, x*(1-1e-12))
}
func (h histogram) atMost(x float64) int {
	return sort.Search(len(h.bounds), func(i int) bool { return h.bounds[i] > x*(1+1e-12) }) - 1
}

// latencyEvidence weighs a quantile q of the latencies. Where in its bucket a
// request was is not known, so each claim is tested with the count that speaks
// least against it; the verdict is that of the exact times or more careful.
func latencyEvidence(r api.GateRule, w Window) evidence {
	q := quantileOf(r.Metric)
	new := newHistogram(w.Bounds, w.New.Latency)
	if r.Max != nil {
		p := priorAround(q)
		return evidence{
			broken: new.below(new.atLeast(*r.Max)).logEvidence(p, q, 1),
			kept:   new.below(new.atMost(*r.Max)).logEvidence(p, 0, q),
		}
	}
	old := newHistogram(w.Bounds, w.Old.Latency)
	return either(r, func(ratio, difference float64) evidence {
		return quantiles(old, new, q, func(y float64) float64 { return ratio*y + difference })
	})
}

// quantiles weighs the q-quantile of new against allowed(that of old). What the
// quantile of old is, is not known. Say it is y: then at most q of old's
// requests are below y and at least q at or below it; and the limit is kept if
// at least q of new's are at or below allowed(y). For each y both are claims
// about coins, whose evidences multiply. The claim falls when it falls for every
// y, and as one of them is the true one, its evidence is never too high: no
// price is paid for trying them all.
func quantiles(old, new histogram, q float64, allowed func(float64) float64) evidence {
	broken := weighed{prior: priorAround(q), q: q}
	kept := broken
	worst := evidence{math.Inf(1), math.Inf(1)}
	for i := 0; i <= len(old.bounds); i++ { // y in (low, high]
		low, limit := 0.0, len(old.bounds)
		if i > 0 {
			low = old.bounds[i-1]
		}
		if i < len(old.bounds) {
			limit = new.atLeast(allowed(old.bounds[i]))
		}
		worst.broken = min(worst.broken, broken.against(old.below(i-1), new.below(limit)))
		worst.kept = min(worst.kept, kept.against(new.below(new.atMost(allowed(low))), old.below(i)))
	}
	return worst
}

// weighed remembers its last answer: most buckets are empty, and change no count.
type weighed struct {
	prior       prior
	q           float64
	under, over tosses
	last        float64
	known       bool
}

// against is the evidence against the claim that the chance of yes is at most q
// in under and at least q in over. The stake is split between betting on both
// and on each alone, so that a side which shows nothing costs little.
func (w *weighed) against(under, over tosses) float64 {
	if !w.known || under != w.under || over != w.over {
		w.under, w.over, w.known = under, over, true
		a, b := under.logEvidence(w.prior, 0, w.q), over.logEvidence(w.prior, w.q, 1)
		w.last = logMean(a+b, a, b)
	}
	return w.last
}

// rateEvidence weighs requests a second and replica. Given when requests came,
// which side each went to is a coin: with rates in the proportion k its chance
// of new is k x e/(1 + k x e), e being the proportion of the replica-seconds.
func rateEvidence(r api.GateRule, w Window) evidence {
	switch {
	case r.MaxRatio != nil || r.MinRatio != nil:
		sides := tosses{float64(w.New.Requests), float64(w.Old.Requests)}
		exposure := w.New.ReplicaSeconds / w.Old.ReplicaSeconds
		border := func(k float64) float64 { return k * exposure / (1 + k*exposure) }
		p := priorAround(min(max(border(1), 1e-4), 1-1e-4))
		if r.MaxRatio != nil {
			b := border(*r.MaxRatio)
			return evidence{broken: sides.logEvidence(p, 0, b), kept: sides.logEvidence(p, b, 1)}
		}
		b := border(*r.MinRatio)
		return evidence{broken: sides.logEvidence(p, b, 1), kept: sides.logEvidence(p, 0, b)}
	case r.Max != nil:
		return arrivals(w.New, *r.Max)
	}
	e := arrivals(w.New, *r.Min)
	return evidence{broken: e.kept, kept: e.broken}
}

// arrivals weighs whether a rate is at most limit, for arrivals at random
// (Poisson), with a Gamma mixture of mean limit.
func arrivals(c Counts, limit float64) evidence {
	n, t := float64(c.Requests), c.ReplicaSeconds
	const shape = 0.5
	scale := shape / limit
	ga, _ := math.Lgamma(shape)
	gn, _ := math.Lgamma(shape + n)
	mixture := shape*math.Log(scale) - ga + gn - (shape+n)*math.Log(scale+t)
	likelihood := func(rate float64) float64 {
		l := -rate * t
		if n > 0 {
			l += n * math.Log(rate)
		}
		return l
	}
	return evidence{
		broken: mixture - likelihood(min(n/t, limit)),
		kept:   mixture - likelihood(max(n/t, limit)),
	}
}
