package api

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Defaults and bounds of a gate.
const (
	defaultGateSamples    = 50
	defaultGateWindow     = time.Minute
	defaultGateConfidence = 0.99
	defaultGateMaxWait    = 10 * time.Minute
	maxGateSpan           = 7 * 24 * time.Hour
	maxGates              = 20
	// maxGateLatency is below the highest bound of the gateways' histograms.
	maxGateLatency = 8 * time.Minute
)

// GateRules reads the gates of a plan. Every problem names its field, as
// gates[0].metric below the given path.
func GateRules(path string, gates []Gate) (rules []GateRule, problems []FieldProblem) {
	if len(gates) > maxGates {
		return nil, []FieldProblem{problem(path, len(gates), "gates: at most %d are allowed", maxGates)}
	}
	first := map[string]int{}
	for i, g := range gates {
		at := joinIndex(path, i)
		r := gateReader{at: at, gate: g}
		rule := r.read()
		if j, twice := first[rule.Name]; twice {
			r.add("name", rule.Name, "%s has this name too; give each gate a name of its own", joinIndex(path, j))
		} else {
			first[rule.Name] = i
		}
		rules, problems = append(rules, rule), append(problems, r.problems...)
	}
	return rules, problems
}

// gateReader turns one Gate into its rule and gathers what is wrong with it.
type gateReader struct {
	at       string
	gate     Gate
	rule     GateRule
	problems []FieldProblem
}

func (r *gateReader) add(field string, value any, format string, args ...any) {
	r.problems = append(r.problems, problem(r.at+"."+field, value, format, args...))
}

func (r *gateReader) read() GateRule {
	g := r.gate
	r.rule = GateRule{Metric: g.Metric, Prometheus: g.Prometheus, HTTP: g.HTTP, Command: g.Command, DryRun: g.DryRun, Timeout: 10 * time.Second}
	kind := r.source()
	r.rule.Name = g.Name
	if g.Name == "" {
		r.rule.Name = kind
	} else if ValidName(g.Name) != nil {
		r.add("name", g.Name, "%s are allowed", nameAllowed)
	}
	if kind != "" {
		r.limits(kind)
	}
	r.numbers()
	r.actions()
	return r.rule
}

// source tells what is measured: a metric's name, or prometheus, http, command;
// "" when that is not known.
func (r *gateReader) source() string {
	g := r.gate
	var named []string
	for name, is := range map[string]bool{"metric": g.Metric != "", "prometheus": g.Prometheus != nil, "http": g.HTTP != nil, "command": g.Command != nil} {
		if is {
			named = append(named, name)
		}
	}
	slices.Sort(named)
	switch {
	case len(named) == 0:
		r.add("metric", nil, "missing: a gate measures one of metric (%s), prometheus, http and command", strings.Join(GateMetrics, ", "))
		return ""
	case len(named) > 1:
		r.add(named[1], nil, "given together with %s: a gate measures one thing; make two gates of it", named[0])
		return ""
	case g.Metric != "":
		if !slices.Contains(GateMetrics, g.Metric) {
			near, _ := nearestName(g.Metric, GateMetrics)
			r.add("metric", g.Metric, "unknown metric; did you mean %q? Allowed are %s", near, strings.Join(GateMetrics, ", "))
			return ""
		}
		return g.Metric
	case g.Prometheus != nil:
		r.prometheus(*g.Prometheus)
	case g.HTTP != nil:
		r.http(*g.HTTP)
	default:
		r.command(*g.Command)
	}
	return named[0]
}

var webAddress = regexp.MustCompile(`^https?://[^/?#\s]+([/?#]\S*)?$`)

func (r *gateReader) address(field, text string) {
	if !webAddress.MatchString(text) {
		r.add(field, text, "an address is needed, as http://127.0.0.1:9090")
	}
}

func (r *gateReader) prometheus(p GatePrometheus) {
	r.address("prometheus.address", p.Address)
	if strings.TrimSpace(p.Query) == "" {
		r.add("prometheus.query", p.Query, "empty: PromQL with one number as its result is needed")
	}
}

func (r *gateReader) http(h GateHTTP) {
	r.address("http.url", h.URL)
	if h.Status != 0 && (h.Status < 100 || h.Status > 599) {
		r.add("http.status", h.Status, "a status from 100 to 599 is allowed")
	}
	if _, err := regexp.Compile(h.Match); err != nil {
		r.add("http.match", h.Match, "not a regular expression: %s", err)
	}
	r.rule.Timeout = r.span("http.timeout", h.Timeout, r.rule.Timeout, 100*time.Millisecond)
}

func (r *gateReader) command(c GateCommand) {
	if _, err := Words(c.Command, func(string) string { return "1" }); err != nil {
		r.add("command.command", c.Command, "%s", err)
	}
	r.rule.Timeout = r.span("command.timeout", c.Timeout, 30*time.Second, 100*time.Millisecond)
}

func (r *gateReader) span(field, text string, otherwise, least time.Duration) time.Duration {
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < least || d > maxGateSpan {
		r.add(field, text, "a duration from %s to 168h is allowed, as 90s, 5m or 1h", least)
		return otherwise
	}
	return d
}

func (r *gateReader) numbers() {
	g := r.gate
	r.rule.MinSamples, r.rule.Confidence = defaultGateSamples, defaultGateConfidence
	if g.MinSamples < 0 {
		r.add("min_samples", g.MinSamples, "a whole number from 1 is allowed")
	} else if g.MinSamples > 0 {
		r.rule.MinSamples = uint64(g.MinSamples)
	}
	if g.Confidence != 0 {
		if !(g.Confidence >= 0.5 && g.Confidence <= 0.999999) {
			r.add("confidence", g.Confidence, "a number from 0.5 to 0.999999 is allowed; 0.99 is the default")
		} else {
			r.rule.Confidence = g.Confidence
		}
	}
	r.rule.Window = r.span("window", g.Window, defaultGateWindow, 0)
	r.rule.MaxWait = r.span("max_wait", g.MaxWait, max(defaultGateMaxWait, 2*r.rule.Window), time.Second)
	if g.MaxWait != "" && r.rule.MaxWait < r.rule.Window {
		r.add("max_wait", g.MaxWait, "shorter than the window of %s, before whose end no gate is passed", r.rule.Window)
	}
}

func (r *gateReader) actions() {
	g := r.gate
	waiting := []GateAction{GateWait, GatePause, GateRollback, GateContinue}
	choose := func(field string, is, otherwise GateAction, allowed []GateAction) GateAction {
		if is == "" {
			return otherwise
		}
		if !slices.Contains(allowed, is) {
			r.add(field, is, "one of %s is allowed", joinActions(allowed))
			return otherwise
		}
		return is
	}
	choose("on_pass", g.OnPass, GateContinue, []GateAction{GateContinue})
	r.rule.OnFail = choose("on_fail", g.OnFail, GatePause, waiting[1:])
	r.rule.OnNoData = choose("on_no_data", g.OnNoData, GateWait, waiting)
	r.rule.OnUnsure = choose("on_unsure", g.OnUnsure, GateWait, waiting)
}

func joinActions(list []GateAction) string {
	words := make([]string, len(list))
	for i, a := range list {
		words[i] = string(a)
	}
	return strings.Join(words, ", ")
}

// limitKinds says which limits a gate of each kind may have.
var limitKinds = map[string][]string{
	MetricErrorRate: {"max", "max_ratio", "max_difference"}, MetricLatencyP50: {"max", "max_ratio", "max_difference"},
	MetricLatencyP95: {"max", "max_ratio", "max_difference"}, MetricLatencyP99: {"max", "max_ratio", "max_difference"},
	MetricRequests: {"max", "min", "max_ratio", "min_ratio"},
	"prometheus":   {"max", "min", "max_ratio", "min_ratio", "max_difference"},
	"http":         {"max", "min"},
	"command":      nil,
}

func (r *gateReader) limits(kind string) {
	g := r.gate
	fields := []struct {
		name string
		text GateLimit
		into **float64
	}{{"max", g.Max, &r.rule.Max}, {"min", g.Min, &r.rule.Min}, {"max_ratio", g.MaxRatio, &r.rule.MaxRatio},
		{"min_ratio", g.MinRatio, &r.rule.MinRatio}, {"max_difference", g.MaxDifference, &r.rule.MaxDifference}}
	var given []string
	for _, f := range fields {
		if f.text == "" {
			continue
		}
		given = append(given, f.name)
		if allowed := limitKinds[kind]; !slices.Contains(allowed, f.name) {
			r.add(f.name, f.text, "a gate of %s has no such limit; allowed: %s", kind, cmp.Or(strings.Join(allowed, ", "), "none"))
			continue
		}
		if n, allowed := readLimit(kind, f.name, string(f.text)); allowed != "" {
			r.add(f.name, f.text, "%s", allowed)
		} else {
			*f.into = &n
		}
	}
	r.together(kind, given)
}

// together checks which limits are given at once.
func (r *gateReader) together(kind string, given []string) {
	switch {
	case len(given) == 0 && kind != "command" && kind != "http":
		r.add(limitKinds[kind][0], nil, "missing: a gate of %s needs a limit: %s", kind, strings.Join(limitKinds[kind], ", "))
	case len(given) > 1 && !slices.Equal(given, []string{"max_ratio", "max_difference"}):
		r.add(given[1], nil, "given together with %s: a gate has one limit, or max_ratio and max_difference, of which the more generous counts; make two gates of it", given[0])
	}
	if kind == "http" && len(given) > 0 && r.gate.HTTP.Field == "" {
		r.add("http.field", nil, "missing: %s needs a number in the answer, as data.accuracy", given[0])
	}
	if kind == "prometheus" {
		has := strings.TrimSpace(r.gate.Prometheus.OldQuery) != ""
		switch relative := r.rule.Relative(); {
		case relative && !has:
			r.add("prometheus.old_query", nil, "missing: %s compares with the result of a second query", given[0])
		case has && !relative && len(given) > 0:
			r.add("prometheus.old_query", r.gate.Prometheus.OldQuery, "nothing is compared with it; use max_ratio, min_ratio or max_difference, or leave it out")
		}
	}
}

// readLimit reads one limit; allowed is what it should have been, or empty.
func readLimit(kind, name, text string) (n float64, allowed string) {
	latency := strings.HasPrefix(kind, "latency_")
	switch {
	case name == "max_ratio":
		n, err := strconv.ParseFloat(text, 64)
		return n, unless(err == nil && n > 1 && n <= 1000, "a number above 1, up to 1000, is allowed: 1.2 is a fifth more than the old replicas")
	case name == "min_ratio":
		n, err := strconv.ParseFloat(text, 64)
		return n, unless(err == nil && n > 0 && n < 1, "a number above 0 and below 1 is allowed: 0.8 is a fifth less than the old replicas")
	case latency:
		d, err := time.ParseDuration(text)
		return d.Seconds(), unless(err == nil && d >= 100*time.Microsecond && d <= maxGateLatency, "a duration from 100us to 8m is allowed, as 250ms")
	case kind == MetricErrorRate:
		n, err := readShare(text)
		return n, unless(err == nil && n > 0 && n < 1, "a share above 0% and below 100% is allowed, as \"1%\" or 0.01")
	case kind == MetricRequests:
		n, err := strconv.ParseFloat(text, 64)
		return n, unless(err == nil && n > 0 && n <= 1e9, "a number above 0 is allowed: requests a second and replica")
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, unless(err == nil && !math.IsNaN(n) && !math.IsInf(n, 0), "a number is allowed")
}

func unless(good bool, allowed string) string {
	if good {
		return ""
	}
	return allowed
}

// readShare reads "1%" as 0.01, and 0.01 as itself.
func readShare(text string) (float64, error) {
	number, percent := strings.CutSuffix(text, "%")
	n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no share", text)
	}
	if percent {
		n /= 100
	}
	return n, nil
}
