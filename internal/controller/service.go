package controller

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/store"
)

// service is one service under control: its record, its replicas, and what the
// outside world last said of them. It takes turns (pass.go); everything
// below mu belongs to whoever holds it.
type service struct {
	c      *Controller
	label  string
	inbox  inbox
	asked  atomic.Bool // a turn is coming
	closed atomic.Bool // deleted: no turn does anything any more

	mu       sync.Mutex
	record   store.Service // Core is kept in state, not here
	doc      api.Document  // record.Config, read
	state    rollout.State
	stored   rollout.State // as last committed
	handles  map[string]*runtime.Handle
	versions []version
	// routedAt and unroutedAt are the table revisions that first held, and no
	// longer held, a replica.
	routedAt   map[string]uint64
	unroutedAt map[string]uint64
	acting     map[string]bool       // replicas whose start is under way
	held       map[string]string     // replicas that have something of a resource group, and which
	preflights map[int]api.Preflight // by version, as last looked
	gates      measuring             // what the gates of the present batch are judged by
	looking    bool                  // at the gates, at this moment or soon
	read       time.Time             // when the gateways' numbers were read last
	ledger     *ledger               // of the rollout in progress; nil without one
	counted    bool                  // gateways count requests here
	notices    []api.Event           // of what was seen, to be told with the next commit
	trouble    string                // why the last commit failed, "" when it did not
	stopAlarm  func()                // of the turn that is due by the clock
}

// version is a stored version with what is derived from it.
type version struct {
	store.Version
	doc  api.Document
	spec *api.Spec
}

func (c *Controller) newService(record store.Service) *service {
	return &service{
		c: c, label: record.Core.Name, record: record,
		handles:  map[string]*runtime.Handle{},
		routedAt: map[string]uint64{}, unroutedAt: map[string]uint64{},
		preflights: map[int]api.Preflight{},
		acting:     map[string]bool{}, held: map[string]string{},
		state: rollout.State{Service: record.Core},
	}
}

func (s *service) name() string { return s.label }

// load fills the service from the store.
func (s *service) load(snap store.Snapshot) {
	s.doc = readDocument(s.record.Config)
	for _, v := range snap.Versions {
		s.versions = append(s.versions, readVersion(v))
	}
	for _, r := range snap.Replicas {
		s.state.Replicas = append(s.state.Replicas, r.Core)
		if r.Handle != nil {
			s.handles[r.Core.ID] = r.Handle
		}
	}
	for i := range s.state.Replicas {
		// Of a start whose outcome is not known, the handle is that of the process
		// before, and there may have been no room: adopt tells what runs.
		if r := &s.state.Replicas[i]; r.Process != rollout.Ordered {
			s.occupy(r, s.handles[r.ID])
		}
	}
	s.refreshPolicies()
	s.stored = s.state
	s.stored.Replicas = slices.Clone(s.state.Replicas)
}

// readDocument reads a document that was valid when it was stored.
func readDocument(config []byte) api.Document {
	doc, err := api.ParseDocument(config)
	if err != nil {
		return api.Document{}
	}
	return doc
}

func readVersion(v store.Version) version {
	doc := readDocument(v.Config)
	spec, err := api.Parse(doc)
	if err != nil {
		// A later release may refuse what an earlier one took; the version
		// stays readable and its replicas keep running.
		spec = &api.Spec{Name: doc.Name()}
	}
	return version{Version: v, doc: doc, spec: spec}
}

func (s *service) version(number int) *version {
	for i := range s.versions {
		if s.versions[i].Number == number {
			return &s.versions[i]
		}
	}
	return nil
}

// putVersion adds a version, or replaces the record of one.
func (s *service) putVersion(v store.Version) {
	if old := s.version(v.Number); old != nil {
		old.Version = v
		return
	}
	s.versions = append(s.versions, readVersion(v))
}

// effective is the version a replica of the revision counts as: the current one
// if it has the same replica keys, else the newest that has (design.md 2b).
func (s *service) effective(revision string, started int) *version {
	current := s.state.Service.Current
	if revision == current.Revision {
		return s.version(current.Version)
	}
	for i := len(s.versions) - 1; i >= 0; i-- {
		if s.versions[i].Revision == revision {
			return &s.versions[i]
		}
	}
	return s.version(started)
}

// refreshPolicies derives how replicas of each revision live and end: drain
// settings from the version they count as, the start-up time-out from the
// strategy in force and the version's own startup check (rules 4 and 5).
func (s *service) refreshPolicies() {
	inForce := 10 * time.Minute
	if spec, err := api.Parse(s.doc); err == nil {
		inForce = spec.Strategy.StartupTimeout
	}
	policies := make(map[string]rollout.Policy, 2)
	for i := range s.versions {
		revision := s.versions[i].Revision
		if _, done := policies[revision]; done {
			continue
		}
		v := s.effective(revision, s.versions[i].Number)
		policies[revision] = policyOf(v.spec, inForce)
	}
	s.state.Policies = policies
}

func policyOf(spec *api.Spec, timeout time.Duration) rollout.Policy {
	if c := spec.Container.Startup; c != nil && c.FailureThresholdSet {
		timeout = min(timeout, c.InitialDelay+c.Period*time.Duration(c.FailureThreshold))
	}
	return rollout.Policy{
		Drain: spec.Drain, Async: spec.Type == "Async", StartupTimeout: timeout, StayDown: spec.NoCrashRestart,
	}
}

// inbox keeps what was seen until the next turn, so that whoever saw it never
// waits for a turn under way.
type inbox struct {
	mu   sync.Mutex
	list []func()
}

// see leaves an observation for the next turn.
func (s *service) see(what func()) {
	s.inbox.mu.Lock()
	s.inbox.list = append(s.inbox.list, what)
	s.inbox.mu.Unlock()
	s.kick()
}

func (s *service) seen() []func() {
	s.inbox.mu.Lock()
	defer s.inbox.mu.Unlock()
	list := s.inbox.list
	s.inbox.list = nil
	return list
}
