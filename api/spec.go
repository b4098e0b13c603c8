package api

import "time"

// Spec is the typed reading of a service file: spellings normalised, defaults
// applied, every value validated. It is derived from the configuration
// document and never stored; the document is what a version keeps.
type Spec struct {
	Name     string
	Instance int    // desired replicas
	Group    string // "" for none
	Token    string // callers must send it; "" for none
	Resource string // resource group; "" is public
	Type     string // metadata.type; "Async" has its own shutdown (design rule 11)
	Labels   map[string]string

	CPU       float64 // cores per replica, 0 when not asked for
	MemoryMB  int
	GPU       int
	GPUMemory int // GB

	Strategy Strategy
	Drain    Drain
	History  History
	Limits   Limits
	GRPC     bool // metadata.enable_grpc: HTTP/2 requests go upstream as cleartext HTTP/2

	Container      Container
	ModelPath      string // as written; relative to Container.WorkingDir
	WarmUpData     string // warm_up_data_path, as written
	NoCrashRestart bool   // runtime.enable_crash_block: an exited replica stays down for study
}

// Strategy is metadata.rolling_strategy. Nil counts mean the default of the
// resource group (design rule 2), which is resolved where the group's kind is
// known.
type Strategy struct {
	MaxSurge       *Count        `json:"max_surge,omitempty"`
	MaxUnavailable *Count        `json:"max_unavailable,omitempty"`
	Replacement    string        `json:"replacement"`     // ReplacementStarted or ReplacementComplete
	StartupTimeout time.Duration `json:"startup_timeout"` // default 10 min
	MinReady       time.Duration `json:"min_ready"`       // default 0
}

// Values of rolling_strategy.replacement: whether a draining replica still
// counts against the upper bound.
const (
	ReplacementStarted  = "termination_started"
	ReplacementComplete = "termination_complete"
)

// History is what is kept of a service's versions.
type History struct {
	Retain       string // RetainAuto (default), RetainArtifacts or RetainNone
	OnDrift      string // DriftRefuse or DriftWarn; "" is either, as the key's rule says
	KeepVersions int    // 0 is what the server's configuration says
}

// Values of metadata.retain and metadata.on_drift.
const (
	RetainAuto      = "auto"
	RetainArtifacts = "artifacts"
	RetainNone      = "none"
	DriftRefuse     = "refuse"
	DriftWarn       = "warn"
)

// Drain is how a replica ends: design rules 9 and 10.
type Drain struct {
	Grace   time.Duration `json:"grace"`   // eas.termination_grace_period, default 30 s
	Sigterm bool          `json:"sigterm"` // rpc.enable_sigterm, default false
	Mode    string        `json:"mode"`    // eas.drain: DrainGracePeriod (default) or DrainIdle
}

// Values of eas.drain.
const (
	DrainGracePeriod = "grace_period"
	DrainIdle        = "idle"
)

// Limits are what a gateway holds requests to (metadata.rpc). Each gateway
// counts by itself. Streams and upgraded connections count as requests in hand
// until they end, and no limit cuts one.
type Limits struct {
	// Keepalive is how long a request may take until the header of its answer:
	// default 10 min, 0 for no limit; beyond it 408. For gRPC it counts from the
	// end of what the caller sends.
	Keepalive time.Duration `json:"keepalive,omitempty"`
	// MaxQueue is how many requests a replica may have in hand, 0 for no limit;
	// beyond it another replica, and 450 when there is none.
	MaxQueue int `json:"max_queue,omitempty"`
	// RateLimit is how many requests a second a replica is given, 0 for no
	// limit; beyond it another replica, and 429 when there is none.
	RateLimit float64 `json:"rate_limit,omitempty"`
}

// Container is containers[0]: what a replica runs.
type Container struct {
	Image      string
	Command    string // split as a shell splits words, variables expanded, run without a shell
	Script     string // run under sh -c; exactly one of Command and Script is set on the process runtime
	WorkingDir string // absolute; ours, see the service file reference
	Port       int    // nominal port; a replica's real one comes as $PORT
	Env        []EnvVar
	Startup    *Check
	Health     *Check // readiness; a tcp check on the port when the file names none
	Liveness   *Check
	// HealthDefaulted says that the file names no health_check, and Health is
	// the tcp check that stands in.
	HealthDefaulted bool
}

// EnvVar is one entry of containers[].env.
type EnvVar struct {
	Name   string `json:"name"`
	Value  string `json:"value"` // sealed text where Secret, except on its way to a replica
	Secret bool   `json:"secret,omitempty"`
}

// Check is one probe. Exactly one of HTTP, TCP, Exec and GRPC is set.
type Check struct {
	HTTP *HTTPCheck
	TCP  *TCPCheck
	Exec *ExecCheck
	GRPC *GRPCCheck

	InitialDelay     time.Duration // delays the counting of failures, not the probing
	Period           time.Duration // default 5 s
	Timeout          time.Duration // default 2 s
	SuccessThreshold int           // default 1
	FailureThreshold int           // default 3
	// FailureThresholdSet tells a written failure_threshold from the default:
	// only a written one shortens the start-up time-out (design rule 4).
	FailureThresholdSet bool
}

// HTTPCheck succeeds on 200 <= status < 400.
type HTTPCheck struct {
	Path   string // default "/"
	Port   int    // 0, or the container's nominal port: the replica's real port
	Scheme string // "http" (default) or "https"
}

// TCPCheck succeeds when a connection opens.
type TCPCheck struct{ Port int }

// ExecCheck succeeds when the command exits 0.
type ExecCheck struct{ Command []string }

// GRPCCheck succeeds when grpc.health.v1 answers SERVING.
type GRPCCheck struct {
	Port    int
	Service string
}
