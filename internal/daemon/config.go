package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/goccy/go-yaml"
)

// Config is what `sluice server` was told.
type Config struct {
	Data     string // data directory
	File     string // configuration file; "" is DATA/server.yaml, which need not exist
	Listen   string // of the API, host:port
	Gateway  string // of the gateway, host:port
	TLSCert  string // PEM file; "" is what the configuration file says
	TLSKey   string
	Insecure bool   // listen elsewhere than on loopback without TLS
	Version  string // of this program
	// GiveUpSecrets starts the server though the key of its secrets is lost.
	GiveUpSecrets bool
	// Executable is this program, started again as the gateway.
	Executable string
	Log        *slog.Logger
}

// File is the server's configuration file.
type File struct {
	// ResourceGroups are by name. While there is none, any name is taken, counts as
	// dedicated and has no limits.
	ResourceGroups map[string]ResourceGroup `yaml:"resource_groups"`
	API            APIFile                  `yaml:"api"`
	// Gateway are the limits of the gateway; zero values are its defaults.
	Gateway GatewayLimits `yaml:"gateway"`
	History HistoryFile   `yaml:"history"`
}

// GatewayLimits bound what a caller may send, and say how.
type GatewayLimits struct {
	MaxBodyBytes   int64 `yaml:"max_body_bytes"`
	MaxHeaderBytes int   `yaml:"max_header_bytes"`
	// SlowStartSeconds is how long a replica that joins others takes to get its
	// full share of the requests; 0 is off, and none is the gateway's default.
	SlowStartSeconds *float64 `yaml:"slow_start_seconds"`
	// RetireSeconds is how long streams and WebSockets may go on in a gateway
	// after another took over from it; 0 is the gateway's default.
	RetireSeconds float64 `yaml:"retire_seconds"`
	// BodyWaitSeconds is how long the next byte of a request's body may take, and
	// WriteWaitSeconds how long a caller may take none of its answer; 0 is the
	// gateway's default of each.
	BodyWaitSeconds  float64 `yaml:"body_wait_seconds"`
	WriteWaitSeconds float64 `yaml:"write_wait_seconds"`
	// TLSCert and TLSKey are PEM files, read again when they change. Without
	// them traffic is not encrypted. A relative path is one from the folder of
	// the configuration file.
	TLSCert string `yaml:"tls_cert"`
	TLSKey  string `yaml:"tls_key"`
}

// encrypted tells whether the gateway speaks TLS.
func (g GatewayLimits) encrypted() bool { return g.TLSCert != "" }

// slowStart is SlowStartSeconds as the supervisor takes it.
func (g GatewayLimits) slowStart() time.Duration {
	switch s := g.SlowStartSeconds; {
	case s == nil:
		return 0
	case *s == 0:
		return -1
	default:
		return time.Duration(*s * float64(time.Second))
	}
}

// span is a number of seconds as the supervisor takes it.
func span(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// path of the configuration file.
func (c Config) path() string {
	if c.File == "" {
		return filepath.Join(c.Data, "server.yaml")
	}
	return c.File
}

func (c Config) readFile() (File, error) {
	path := c.path()
	var f File
	text, err := os.ReadFile(path)
	if c.File == "" && errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return f, fmt.Errorf("the configuration file cannot be read: %w", err)
	}
	if err := yaml.UnmarshalWithOptions(text, &f, yaml.Strict()); err != nil {
		return f, fmt.Errorf("%s: %s", path, yaml.FormatError(err, false, true))
	}
	for _, name := range slices.Sorted(maps.Keys(f.ResourceGroups)) {
		if wrong := f.ResourceGroups[name].check("resource_groups." + name); wrong != "" {
			return f, fmt.Errorf("%s: %s", path, wrong)
		}
	}
	if wrong := f.History.check(); wrong != "" {
		return f, fmt.Errorf("%s: %s", path, wrong)
	}
	if s := f.Gateway.SlowStartSeconds; s != nil && !(*s >= 0 && *s <= 3600) {
		return f, fmt.Errorf("%s: gateway.slow_start_seconds: %g is not allowed; a number of seconds from 0, which is off, to 3600 is", path, *s)
	}
	for _, s := range []struct {
		key, normal string
		value, most float64
	}{
		{"retire_seconds", "an hour", f.Gateway.RetireSeconds, 7 * 24 * 3600},
		{"body_wait_seconds", "30", f.Gateway.BodyWaitSeconds, 3600},
		{"write_wait_seconds", "60", f.Gateway.WriteWaitSeconds, 3600},
	} {
		if !(s.value >= 0 && s.value <= s.most) {
			return f, fmt.Errorf("%s: gateway.%s: %g is not allowed; a number of seconds from 0, which is the default of %s, to %g is", path, s.key, s.value, s.normal, s.most)
		}
	}
	return f, nil
}

// UsageError is a server started the wrong way; nothing has been opened yet.
type UsageError struct{ error }

func (e *UsageError) Unwrap() error { return e.error }

// socket is where something is served.
type socket struct {
	flag, address string
	encrypted     bool
	encrypt       string // how to, "" when there is no way
}

// checkListen refuses to serve the API or traffic to other machines without
// encryption unless told to.
func (c Config) checkListen(s socket) error {
	flag, address := s.flag, s.address
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%s: %q is not host:port: %w", flag, address, err)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() || c.Insecure || s.encrypted {
		return nil
	}
	ways := "listen on 127.0.0.1, "
	if s.encrypt != "" {
		ways += s.encrypt + ", "
	}
	return fmt.Errorf("%s: %q can be reached from other machines, and nothing is encrypted; %sor say --insecure if you mean it", flag, address, ways)
}

// listen opens the API's socket, with an error that says what to do about a
// port that is taken.
func listen(flag, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %s cannot be listened on: %w; another process may have it, or another server runs: choose another port", flag, address, err)
	}
	return l, nil
}
