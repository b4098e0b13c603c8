package api

import (
	"path/filepath"
	"strings"
	"time"
)

// Parse reads a whole service file: every key known, every value allowed,
// defaults applied. The error is an *InvalidError with all problems at once.
// null stands for "not given".
func Parse(doc Document) (*Spec, error) {
	c := &checker{}
	c.object("", keyTree, doc.root)
	r := reader{doc: doc, refused: c.problems}
	spec := readSpec(r)
	c.rules(r, spec)
	if err := c.err(); err != nil {
		return nil, err
	}
	return spec, nil
}

func readSpec(r reader) *Spec {
	s := &Spec{
		Name:           r.text("metadata.name"),
		Instance:       r.whole("metadata.instance"),
		Group:          r.text("metadata.group"),
		Token:          r.text("token"),
		Resource:       r.text("metadata.resource"),
		Type:           r.text("metadata.type"),
		Labels:         r.textMap("labels"),
		CPU:            r.number("metadata.cpu"),
		MemoryMB:       r.whole("metadata.memory"),
		GPU:            r.whole("metadata.gpu"),
		GPUMemory:      r.whole("metadata.gpu_memory"),
		GRPC:           r.flag("metadata.enable_grpc"),
		ModelPath:      r.text("model_path"),
		WarmUpData:     r.text("warm_up_data_path"),
		NoCrashRestart: r.flag("runtime.enable_crash_block"),
		Drain: Drain{
			Grace:   r.span("metadata.eas.termination_grace_period"),
			Sigterm: r.flag("metadata.rpc.enable_sigterm"),
			Mode:    r.text("metadata.eas.drain"),
		},
		Limits: Limits{
			Keepalive: time.Duration(r.whole("metadata.rpc.keepalive")) * time.Millisecond,
			MaxQueue:  r.whole("metadata.rpc.max_queue_size"),
			RateLimit: r.number("metadata.rpc.rate_limit"),
		},
		Strategy: Strategy{
			MaxSurge:       r.count("metadata.rolling_strategy.max_surge"),
			MaxUnavailable: r.count("metadata.rolling_strategy.max_unavailable"),
			Replacement:    r.text("metadata.rolling_strategy.replacement"),
			StartupTimeout: r.span("metadata.rolling_strategy.startup_timeout"),
			MinReady:       r.span("metadata.rolling_strategy.min_ready_seconds"),
		},
		History: History{
			Retain:       r.text("metadata.retain"),
			OnDrift:      r.text("metadata.on_drift"),
			KeepVersions: r.whole("metadata.keep_versions"),
		},
		Container: readContainer(r),
	}
	if s.Strategy.Replacement == "" {
		s.Strategy.Replacement = ReplacementStarted
		if s.GPU > 0 || s.GPUMemory > 0 {
			s.Strategy.Replacement = ReplacementComplete
		}
	}
	return s
}

func readContainer(r reader) Container {
	const at = "containers[0]"
	c := Container{
		Image:      r.text(at + ".image"),
		Command:    r.text(at + ".command"),
		Script:     r.text(at + ".script"),
		WorkingDir: r.text(at + ".working_dir"),
		Port:       r.whole(at + ".port"),
		Startup:    readCheck(r, at+".startup_check"),
		Health:     readCheck(r, at+".health_check"),
		Liveness:   readCheck(r, at+".liveness_check"),
	}
	for i := range r.length(at + ".env") {
		entry := joinIndex(at+".env", i)
		c.Env = append(c.Env, EnvVar{Name: r.text(entry + ".name"), Value: r.text(entry + ".value"), Secret: r.flag(entry + ".secret")})
	}
	if c.Health == nil {
		c.Health = readTimes(r, at+".health_check")
		c.Health.TCP = &TCPCheck{}
		c.HealthDefaulted = true
	}
	return c
}

func readCheck(r reader, at string) *Check {
	if r.given(at) == nil {
		return nil
	}
	c := readTimes(r, at)
	if r.given(at+".http_get") != nil {
		c.HTTP = &HTTPCheck{
			Path:   r.text(at + ".http_get.path"),
			Port:   r.whole(at + ".http_get.port"),
			Scheme: strings.ToLower(r.text(at + ".http_get.scheme")),
		}
	}
	if r.given(at+".tcp_socket") != nil {
		c.TCP = &TCPCheck{Port: r.whole(at + ".tcp_socket.port")}
	}
	if r.given(at+".exec") != nil {
		c.Exec = &ExecCheck{}
		for i := range r.length(at + ".exec.command") {
			c.Exec.Command = append(c.Exec.Command, r.text(joinIndex(at+".exec.command", i)))
		}
	}
	if r.given(at+".grpc") != nil {
		c.GRPC = &GRPCCheck{Port: r.whole(at + ".grpc.port"), Service: r.text(at + ".grpc.service")}
	}
	return c
}

func readTimes(r reader, at string) *Check {
	return &Check{
		InitialDelay:        r.span(at + ".initial_delay_seconds"),
		Period:              r.span(at + ".period_seconds"),
		Timeout:             r.span(at + ".timeout_seconds"),
		SuccessThreshold:    r.whole(at + ".success_threshold"),
		FailureThreshold:    r.whole(at + ".failure_threshold"),
		FailureThresholdSet: r.given(at+".failure_threshold") != nil,
	}
}

// Abs joins a path of the service file to its working directory. Without one,
// and for an address such as oss://bucket/model, it is returned as it stands.
func (s *Spec) Abs(path string) string {
	if path == "" || isAddress(path) || filepath.IsAbs(path) || s.Container.WorkingDir == "" {
		return path
	}
	return filepath.Join(s.Container.WorkingDir, path)
}

func isAddress(path string) bool { return strings.Contains(path, "://") }

// StartupDeadline is how long a new replica may take to become ready: the
// start-up time-out, or less where a startup_check says so by writing a
// failure_threshold: period x threshold after its initial delay (design rule 4).
func (s *Spec) StartupDeadline() time.Duration {
	limit := s.Strategy.StartupTimeout
	if c := s.Container.Startup; c != nil && c.FailureThresholdSet {
		// Compared as numbers of periods, because the product may not fit.
		if left := limit - c.InitialDelay; int64(c.FailureThreshold) <= int64(left/c.Period) {
			return c.InitialDelay + time.Duration(c.FailureThreshold)*c.Period
		}
	}
	return limit
}
