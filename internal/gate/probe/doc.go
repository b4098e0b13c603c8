// Package probe measures for the gates that look outside Sluice: a PromQL query,
// an HTTP answer, a command. It is the edge below package gate, which judges
// what it finds (gate.Measured). Check is asked once, when a plan is set, and
// its error refuses the plan; Measure is asked whenever the gate is, and what it
// could not measure is no data, never an error: a monitoring system that is away
// must neither pass a release nor roll one back.
package probe

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/gate"
)

// Subject is what a gate is about: {{service}}, {{new_version}} and
// {{old_version}} in queries and URLs, $SLUICE_SERVICE, $SLUICE_NEW_VERSION and
// $SLUICE_OLD_VERSION for a command. OldVersion is 0 when there is none.
type Subject struct {
	Service    string
	NewVersion int
	OldVersion int
}

func (s Subject) fill(text string) string {
	return strings.NewReplacer("{{service}}", s.Service, "{{new_version}}", strconv.Itoa(s.NewVersion),
		"{{old_version}}", strconv.Itoa(s.OldVersion)).Replace(text)
}

// Outside tells whether a rule is one for this package; the others are for
// gate.Judge.
func Outside(r api.GateRule) bool { return r.Prometheus != nil || r.HTTP != nil || r.Command != nil }

// Check finds what is wrong with a gate before it is relied on: a Prometheus
// server that cannot be reached or does not understand the query, a command that
// does not exist. That a query has no result yet, or that an HTTP check does not
// pass now, is fine: there may be no new replica so far.
func Check(ctx context.Context, r api.GateRule, s Subject) error {
	switch {
	case r.Prometheus != nil:
		return checkPrometheus(ctx, r, s)
	case r.Command != nil:
		_, err := words(r.Command.Command, s)
		return err
	}
	return nil
}

// Measure asks once. It takes no longer than the rule's timeout and a second.
func Measure(ctx context.Context, r api.GateRule, s Subject) gate.Measurement {
	switch {
	case r.Prometheus != nil:
		return measurePrometheus(ctx, r, s)
	case r.HTTP != nil:
		return measureHTTP(ctx, r, s)
	case r.Command != nil:
		return measureCommand(ctx, r, s)
	}
	return gate.Measurement{NoData: "the gate names nothing outside to measure"}
}

// why shortens the error of a time-out to what a person looks for.
func why(err error, r api.GateRule) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer within " + r.Timeout.String()
	}
	return err.Error()
}
