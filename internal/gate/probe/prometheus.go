package probe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/api"
	"github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"

	sluice "sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/gate"
)

// errNoResult is that a query is fine and has no result now.
var errNoResult = errors.New("the query has no result")

func checkPrometheus(ctx context.Context, r sluice.GateRule, s Subject) error {
	for _, q := range [][2]string{{"query", r.Prometheus.Query}, {"old_query", r.Prometheus.OldQuery}} {
		field, query := q[0], q[1]
		if query == "" {
			continue
		}
		_, err := ask(ctx, r, s.fill(query))
		var said *v1.Error
		switch {
		case err == nil || errors.Is(err, errNoResult):
		case errors.As(err, &said) && (said.Type == v1.ErrBadData || said.Type == v1.ErrExec):
			return fmt.Errorf("prometheus.%s: %q: Prometheus at %s refuses it: %s", field, query, r.Prometheus.Address, said.Msg)
		case errors.As(err, new(shapeError)):
			return fmt.Errorf("prometheus.%s: %q: %w", field, query, err)
		default:
			return fmt.Errorf("prometheus.address: %q: cannot be asked: %s; start the Prometheus server or correct the address", r.Prometheus.Address, why(err, r))
		}
	}
	return nil
}

func measurePrometheus(ctx context.Context, r sluice.GateRule, s Subject) gate.Measurement {
	number := func(query string) (*float64, string) {
		v, err := ask(ctx, r, s.fill(query))
		switch {
		case errors.Is(err, errNoResult):
			return nil, fmt.Sprintf("Prometheus has no result for %s", s.fill(query))
		case err != nil:
			return nil, fmt.Sprintf("Prometheus at %s: %s", r.Prometheus.Address, why(err, r))
		}
		return &v, ""
	}
	var m gate.Measurement
	if m.New, m.NoData = number(r.Prometheus.Query); m.NoData == "" && r.Prometheus.OldQuery != "" {
		m.Old, m.NoData = number(r.Prometheus.OldQuery)
	}
	return m
}

// shapeError is that a query gives something other than one number.
type shapeError struct{ text string }

func (e shapeError) Error() string { return e.text }

// ask sends one instant query for the present time of the server.
func ask(ctx context.Context, r sluice.GateRule, query string) (float64, error) {
	// A transport of its own, closed at once: a gate asks seldom, and an idle
	// connection would be dead when it does.
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	client, err := api.NewClient(api.Config{Address: r.Prometheus.Address, RoundTripper: transport})
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	value, _, _, err := v1.NewAPI(client).Query(ctx, query, time.Time{})
	if err != nil {
		return 0, err
	}
	switch v := value.(type) {
	case *model.Scalar:
		return float64(v.Value), nil
	case model.Vector:
		switch {
		case len(v) == 0:
			return 0, errNoResult
		case len(v) > 1:
			return 0, shapeError{fmt.Sprintf("the query gives %d series, one is needed: put sum(), avg() or max() around it", len(v))}
		case v[0].Histogram != nil:
			return 0, shapeError{"the query gives a histogram, a number is needed: put histogram_quantile() around it"}
		}
		return float64(v[0].Value), nil
	}
	return 0, shapeError{fmt.Sprintf("the query gives a %s, a number is needed: leave out the range, or put avg_over_time() around it", value.Type())}
}
