package gate

import (
	"math"
	"slices"
)

// prior is an even mixture of Beta(a, b) and Jeffreys' Beta(1/2, 1/2), over
// which the bets are spread. Any choice is valid as long as it does not depend
// on the data; a good one needs fewer samples. The first part is for what is
// likely, the second keeps the price of a surprise low.
type prior struct{ a, b float64 }

// priorAround favours probabilities near p without ruling any out: mean p, and
// half a count on the rarer side.
//
//	p = 0.05: Beta(0.5, 9.5)    p = 0.5: Beta(0.5, 0.5)    p = 0.99: Beta(49.5, 0.5)
func priorAround(p float64) prior {
	if p > 0.5 {
		return prior{0.5 * p / (1 - p), 0.5}
	}
	return prior{0.5, 0.5 * (1 - p) / p}
}

// errorPrior is for shares of errors, which are small where a release is worth
// making at all.
var errorPrior = priorAround(0.05)

// logMean is the logarithm of the mean of numbers given by their logarithms.
func logMean(logs ...float64) float64 {
	most := slices.Max(logs)
	if math.IsInf(most, 0) {
		return most
	}
	sum := 0.0
	for _, l := range logs {
		sum += math.Exp(l - most)
	}
	return most + math.Log(sum/float64(len(logs)))
}

// tosses are observations of yes or no.
type tosses struct{ yes, no float64 }

func (t tosses) rate() float64 {
	if t.yes+t.no == 0 {
		return 0
	}
	return t.yes / (t.yes + t.no)
}

// logMixture is the logarithm of the likelihood of t, averaged over the prior.
// The order of the observations does not matter, so it is a function of counts.
func (t tosses) logMixture(p prior) float64 {
	return logMean(
		logBeta(p.a+t.yes, p.b+t.no)-logBeta(p.a, p.b),
		logBeta(0.5+t.yes, 0.5+t.no)-logBeta(0.5, 0.5))
}

// logLikelihood is that of one probability.
func (t tosses) logLikelihood(p float64) float64 {
	var l float64
	if t.yes > 0 {
		l += t.yes * math.Log(p)
	}
	if t.no > 0 {
		l += t.no * math.Log1p(-p)
	}
	return l
}

// logBeta is the logarithm of the Beta function. Where one argument is large,
// the difference of two Gamma functions would cancel nearly all their digits
// (at 1e9 and 0.5 it would keep six); Stirling's series of the difference keeps
// them.
func logBeta(a, b float64) float64 {
	if a > b {
		a, b = b, a
	}
	la, _ := math.Lgamma(a)
	if b < 1e3 {
		lb, _ := math.Lgamma(b)
		lab, _ := math.Lgamma(a + b)
		return la + lb - lab
	}
	// lgamma(x) = (x-1/2) ln x - x + ln(2 pi)/2 + rest(x)
	s := a + b
	if a < 1e3 {
		return la + stirlingRest(b) - stirlingRest(s) + a - a*math.Log(s) - (b-0.5)*math.Log1p(a/b)
	}
	return 0.5*math.Log(2*math.Pi) + stirlingRest(a) + stirlingRest(b) - stirlingRest(s) +
		(a-0.5)*math.Log(a/s) - 0.5*math.Log(s) - (b-0.5)*math.Log1p(a/b)
}

func stirlingRest(x float64) float64 {
	i := 1 / x
	return i/12 - i*i*i/360
}

// logEvidence bets against the claim that the probability of yes lies in
// [low, high].
func (t tosses) logEvidence(p prior, low, high float64) float64 {
	return t.logMixture(p) - t.logLikelihood(min(max(t.rate(), low), high))
}

// line is the border of a claim about two probabilities: new = slope x old +
// offset.
type line struct{ slope, offset float64 }

// logLikelihoods is the highest joint likelihood on the line. It is concave
// along it, so where its derivative changes sign is found by halving.
func (l line) logLikelihoods(old, new tosses) float64 {
	low, high := 0.0, min(1, (1-l.offset)/l.slope)
	derivative := func(p float64) float64 {
		q := l.slope*p + l.offset
		return ratio(old.yes, p) - ratio(old.no, 1-p) + l.slope*(ratio(new.yes, q)-ratio(new.no, 1-q))
	}
	for range 80 {
		mid := low + (high-low)/2
		if mid == low || mid == high {
			break
		}
		if derivative(mid) > 0 {
			low = mid
		} else {
			high = mid
		}
	}
	at := low + (high-low)/2
	return old.logLikelihood(at) + new.logLikelihood(min(1, l.slope*at+l.offset))
}

// ratio is n/p, and 0 where nothing was counted.
func ratio(n, p float64) float64 {
	if n == 0 {
		return 0
	}
	return n / p
}

// evidence is about one limit, as logarithms of wealth: broken against the
// claim that it is kept, kept against the claim that it is broken.
type evidence struct{ broken, kept float64 }

// compare weighs two probabilities against a line: kept is on or below it.
func compare(old, new tosses, l line, p prior) evidence {
	mixture := old.logMixture(p) + new.logMixture(p)
	free := mixture - old.logLikelihood(old.rate()) - new.logLikelihood(new.rate())
	border := mixture - l.logLikelihoods(old, new)
	if new.rate() > l.slope*old.rate()+l.offset {
		return evidence{broken: max(border, free), kept: free}
	}
	return evidence{broken: free, kept: max(border, free)}
}

// generous joins two limits of which keeping one is enough. The pair is broken
// where both are. It is shown kept where either is shown kept; the evidence of
// the better is a lower bound of that for both.
func generous(a, b evidence) evidence {
	return evidence{broken: min(a.broken, b.broken), kept: max(a.kept, b.kept)}
}
