package gate

import (
	"math"
	"testing"
)

func near(a, b, within float64) bool {
	return math.Abs(a-b) <= within*math.Max(1, math.Max(math.Abs(a), math.Abs(b)))
}

// TestMixtureIsFair adds up all outcomes of n tosses: a fair bet's wealth is 1
// on average, whatever the probability.
func TestMixtureIsFair(t *testing.T) {
	for _, p := range []prior{errorPrior, priorAround(0.5), priorAround(0.99)} {
		for _, n := range []int{1, 7, 200, 3000} {
			sum := 0.0
			for k := 0; k <= n; k++ {
				ways := -logBeta(float64(k+1), float64(n-k+1)) - math.Log(float64(n+1))
				sum += math.Exp(ways + tosses{float64(k), float64(n - k)}.logMixture(p))
			}
			if !near(sum, 1, 1e-9) {
				t.Errorf("%v, %d tosses: mean wealth %v, want 1", p, n, sum)
			}
		}
	}
}

// TestLogBetaKeepsItsDigits holds it against its own recurrence, across the
// place where it changes its method and far beyond.
func TestLogBetaKeepsItsDigits(t *testing.T) {
	for _, b := range []float64{0.5, 3, 990, 999.5, 1000.5, 1e6, 1e9, 1e12} {
		for _, a := range []float64{0.5, 9.5, 998.7, 1000.5, 1e5} {
			got, want := logBeta(a+1, b)-logBeta(a, b), -math.Log1p(b/a)
			if !near(got, want, 1e-9*math.Max(1, math.Abs(logBeta(a, b)))) {
				t.Errorf("B(%g+1, %g) / B(%g, %g): log %v, want %v", a, b, a, b, got, want)
			}
		}
	}
	if got, want := logBeta(0.5, 0.5), math.Log(math.Pi); !near(got, want, 1e-14) {
		t.Errorf("B(1/2, 1/2) = exp(%v), want pi", got)
	}
	if got, want := logBeta(0.5, 1e15), 0.5*math.Log(math.Pi)-0.5*math.Log(1e15); !near(got, want, 1e-12) {
		t.Errorf("B(1/2, 1e15): log %v, want %v", got, want)
	}
}

// TestLineIsTheBest compares with a fine grid along the border.
func TestLineIsTheBest(t *testing.T) {
	lines := []line{{1, 0.01}, {1, 0.5}, {2, 0}, {1.2, 0}, {1, 0}}
	for _, old := range []tosses{{0, 200}, {3, 197}, {0, 1}, {50, 50}, {200, 0}} {
		for _, new := range []tosses{{0, 200}, {20, 180}, {1, 0}, {100, 0}} {
			for _, l := range lines {
				best := math.Inf(-1)
				last := min(1, (1-l.offset)/l.slope)
				for i := 0; i <= 100_000; i++ {
					p := last * float64(i) / 100_000
					best = math.Max(best, old.logLikelihood(p)+new.logLikelihood(math.Min(1, l.slope*p+l.offset)))
				}
				got := l.logLikelihoods(old, new)
				if got < best-1e-6 || got > best+1e-3*math.Max(1, math.Abs(best)) {
					t.Errorf("old %v, new %v, line %v: %v, the grid finds %v", old, new, l, got, best)
				}
			}
		}
	}
}
