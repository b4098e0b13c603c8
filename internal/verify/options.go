package verify

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sluice.dev/sluice/api"
)

// The bounds of what may be done to a service.
const (
	MaxRate    = 1000 // requests a second
	MaxCallers = 1000
	MaxLimit   = 10 * time.Minute
)

// Options say what is sent and for how long. All of them are to be set, but for
// those that say otherwise.
type Options struct {
	Rate    float64       // requests a second, above 0
	Callers int           // requests in hand at a time, at most
	Timeout time.Duration // of a request, to the end of its answer
	Method  string
	Path    string // below the endpoint, query included; "" is the endpoint itself
	Body    []byte // may be nil
	Header  http.Header
	TLS     *tls.Config // for an https endpoint of a private authority; may be nil

	Before time.Duration // load before the release
	Tail   time.Duration // load after it
	Limit  time.Duration // of everything but Before; without a release, the time to watch
	Late   time.Duration // 0: as the package says

	AllowRemote bool   // the endpoint may be on another machine
	IDsFile     string // may be "": run twice is not known then
}

// Check says what is wrong with the options, in the words of the flags.
func (o *Options) Check() error {
	switch {
	case o.Rate <= 0 || o.Rate > MaxRate:
		return fmt.Errorf("--rate %v: more than 0 and at most %d requests a second are allowed", o.Rate, MaxRate)
	case o.Callers < 1 || o.Callers > MaxCallers:
		return fmt.Errorf("--concurrency %d: 1 to %d are allowed", o.Callers, MaxCallers)
	case o.Timeout <= 0 || o.Timeout > MaxLimit:
		return fmt.Errorf("--timeout %s: more than 0 and at most %s are allowed", o.Timeout, MaxLimit)
	case o.Limit <= 0 || o.Limit > MaxLimit:
		return fmt.Errorf("--duration %s: more than 0 and at most %s are allowed", o.Limit, MaxLimit)
	case o.Before <= 0 || o.Before > MaxLimit:
		return fmt.Errorf("--before %s: more than 0 and at most %s are allowed; what is late is measured in it", o.Before, MaxLimit)
	case o.Tail < 0 || o.Tail > MaxLimit:
		return fmt.Errorf("--tail %s: 0 to %s are allowed", o.Tail, MaxLimit)
	case o.Late < 0:
		return fmt.Errorf("--late %s: 0 and more are allowed; 0 is 3 times the p99 before the release", o.Late)
	case o.Path != "" && !strings.HasPrefix(o.Path, "/"):
		return fmt.Errorf("--path %s: it begins with /, and is the part behind the service's endpoint", o.Path)
	}
	_, err := http.NewRequest(o.Method, "http://localhost"+o.Path, nil)
	if err != nil {
		return fmt.Errorf("--method %s, --path %s: %w", o.Method, o.Path, err)
	}
	return nil
}

// RefusedError says why nothing was sent.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return e.Reason }

// target is the address that all requests go to.
func target(s *api.Service, o *Options) (string, error) {
	u, err := url.Parse(s.Endpoint)
	if err != nil || u.Host == "" {
		return "", &RefusedError{fmt.Sprintf("service %s reports the endpoint %q, which is no address", s.Name, s.Endpoint)}
	}
	host := u.Hostname()
	if ip := net.ParseIP(host); !o.AllowRemote && host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return "", &RefusedError{fmt.Sprintf("the endpoint %s of service %s is not on this machine; --allow-remote sends the load there", s.Endpoint, s.Name)}
	}
	if s.Status == api.StatusStopped || s.Status == api.StatusStopping || s.Status == api.StatusDeleting {
		return "", &RefusedError{fmt.Sprintf("service %s is %s and answers no requests", s.Name, s.Status)}
	}
	return strings.TrimRight(s.Endpoint, "/") + o.Path, nil
}
