package controller

import (
	"context"
	"log/slog"
	"sort"
	"sync"
	"sync/atomic"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/gate"
	"sluice.dev/sluice/internal/placement"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/store"
	"sluice.dev/sluice/internal/traffic"
)

// Gateways is what the controller needs of the data plane. Revisions count
// routing tables and only grow.
type Gateways interface {
	// Publish puts a route in force and returns the first revision that holds it.
	Publish(traffic.Route) uint64
	// Withdraw ends a service's address and returns the first revision without it.
	Withdraw(service string) uint64
	// PublishGroup and WithdrawGroup do the same for a group's address.
	PublishGroup(traffic.Group) uint64
	WithdrawGroup(name string) uint64
	// Acked is the lowest revision that every gateway that counts has
	// acknowledged; the highest number when there is no gateway.
	Acked() uint64
	WaitAcked(ctx context.Context, revision uint64) error
	// InHand is what gateways have in hand for a replica; exact once the
	// revision that took it out of the table is acknowledged.
	InHand(replica string) InHand
	// Open lets tables out to gateways; before it they keep the ones they have.
	Open()
	// Measured is what they have counted for each version of a service, and the
	// upper bounds of the latency buckets in seconds.
	Measured(service string) (byVersion map[int]gate.Counts, bounds []float64)
	// Given is how many requests of a group's address each member was chosen for.
	Given(group string) map[string]uint64
	// Address is where callers reach a service.
	Address(service string) string
}

// InHand is what all gateways together have in hand for one replica.
type InHand struct {
	Known      bool // false while a gateway has yet to report: then nothing is certain
	InFlight   int
	IdleSince  time.Time // zero while something is in flight
	LastPicked time.Time
	// Oldest is when the oldest request in hand came; zero for none and when a
	// gateway does not tell.
	Oldest time.Time
}

// Fleet is what is shown and measured of the gateways; nothing is decided by it.
type Fleet interface {
	// Show lists the gateways by id, and gives the revision of the newest routing
	// table.
	Show() (list []api.Gateway, revision uint64)
	// Holders are the gateways that have a request of the replica in hand, by id.
	Holders(replica string) []string
	// CountedSince is what they have counted for each version since they were first
	// heard, of services of which something was counted after the call that gave mark.
	CountedSince(mark uint64) (services map[string]map[int]gate.Counts, bounds []float64, next uint64)
}

// Group is what the server's configuration says of a resource group.
type Group struct {
	Kind    rollout.ResourceKind
	Elastic bool
	// Capacity is what its replicas share; zero is without limits.
	Capacity placement.Capacity
}

// History is what is kept of versions where their service file does not say.
type History struct {
	CheapBytes   int64 // metadata.retain: auto keeps copies that cost no more than this
	KeepVersions int   // 0 is all
	// PreflightEvery is how often it is looked whether versions can be gone back
	// to; 0 is never but on demand.
	PreflightEvery time.Duration
	// Startable says what would keep a replica from being started now; nil is not
	// known.
	Startable func(runtime.Launch) error
	// Images tells that replicas run containers[0].image.
	Images bool
}

// Config is what a Controller is made of.
type Config struct {
	Store    store.Store
	Runtime  runtime.Runtime
	Gateways Gateways
	// Fleet has what it counts kept as series; nil: there are none, and no gateways
	// to show.
	Fleet   Fleet
	Content Content
	History History
	// Warn says what the runtime cannot do of what a service file asks for; nil
	// for nothing.
	Warn  func(*api.Spec) []string
	Probe Probe // for gates that ask outside
	// Secrets seals what must not be stored in clear; nil leaves it as it is.
	Secrets Secrets
	// GiveUpSecrets has Run go on though sealed values cannot be opened: their key
	// is lost for good, and they are to be set again.
	GiveUpSecrets bool
	// Insight is what a preview asks; what is nil is not known.
	Insight Insight
	// Resources are the resource groups by name; "" is public.
	Resources map[string]Group
	// Foretell has the preview say of each rollout, when it begins, how long it
	// takes, for its history.
	Foretell bool
	// Dir is the folder that relative paths of a service file are meant from when
	// neither the file nor the caller names one.
	Dir string
	Log *slog.Logger
	// Schedule is the system's when it is nil.
	Schedule Schedule
}

// Controller runs all services of one store. Its methods may be called from any
// goroutine.
type Controller struct {
	cfg         Config
	log         *slog.Logger
	news        newsstand
	schedule    Schedule
	system      *system // the schedule, unless another was given
	rooms       *rooms
	starting    chan struct{} // holds as many as may be forked at once
	foretelling chan struct{} // holds the one preview that is made for a rollout's history
	ctx         context.Context
	stop        context.CancelFunc

	// keeping is held by whoever makes copies of files or lets go of them. It
	// comes before every service's lock.
	keeping    sync.Mutex
	unrecorded map[string]int // contents that were kept and that no version names yet; of who holds keeping
	sweeping   atomic.Bool    // a sweep is coming

	charts   charts
	began    time.Time   // when it began to run
	running  atomic.Bool // all that an earlier run left is adopted
	mu       sync.Mutex
	services map[string]*service
	groups   map[string]*group
}

// New makes a controller. Handle its runtime's events with Observe; nothing
// happens before Run.
func New(cfg Config) *Controller {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	c := &Controller{cfg: cfg, log: cfg.Log, services: map[string]*service{}, groups: map[string]*group{}, rooms: newRooms(cfg.Resources), unrecorded: map[string]int{}, foretelling: make(chan struct{}, 1), starting: make(chan struct{}, startsAtOnce)}
	if c.schedule = cfg.Schedule; c.schedule == nil {
		c.system = &system{}
		c.schedule = c.system
	}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

// Run loads what is stored, adopts the replicas that an earlier run left, puts
// all routes in force at once and then lets each service go on. It returns when
// that is done; Close ends what it began.
func (c *Controller) Run(ctx context.Context) error {
	c.began = c.now()
	snapshots, err := c.cfg.Store.Load(ctx)
	if err != nil {
		return err
	}
	groups, err := c.cfg.Store.Groups(ctx)
	if err != nil {
		return err
	}
	if err := c.sealStored(ctx, snapshots, groups); err != nil {
		return err
	}
	for _, snap := range snapshots {
		s := c.newService(snap.Service)
		s.load(snap)
		if err := s.reopen(ctx); err != nil {
			return err
		}
		c.mu.Lock()
		c.services[s.name()] = s
		c.mu.Unlock()
	}
	if err := c.adopt(ctx); err != nil {
		return err
	}
	for _, s := range c.sorted() {
		s.publish()
	}
	c.loadGroups(groups)
	c.cfg.Gateways.Open()
	c.running.Store(true)
	for _, s := range c.sorted() {
		s.kick()
	}
	for _, g := range c.sortedGroups() {
		g.kick()
	}
	if len(c.needed()) > 0 {
		c.schedule.Go(c.retainRest)
		c.sweepSoon() // of copies whose version an earlier run did not come to record
	}
	c.beginSeries(ctx)
	if c.cfg.History.PreflightEvery > 0 {
		c.schedule.Go(c.lookOut)
	}
	return nil
}

// adopt takes over what an earlier run started, over all services in one call:
// whatever of this data directory is not named in it is ended.
func (c *Controller) adopt(ctx context.Context) error {
	var list []runtime.Adoption
	owner := map[string]*service{}
	for _, s := range c.sorted() {
		for _, a := range s.adoptions() {
			owner[a.Launch.Replica] = s
			list = append(list, a)
		}
	}
	adopted, err := c.cfg.Runtime.Adopt(ctx, list)
	if err != nil {
		return err
	}
	for _, a := range adopted { // all of them before any is started anew
		s := owner[a.Replica]
		if r := s.state.Replica(a.Replica); r != nil {
			s.occupy(r, a.Handle)
		}
	}
	for _, a := range adopted {
		owner[a.Replica].adopted(a)
	}
	return nil
}

// Close stops deciding and waits for what is under way. Replicas and gateways
// go on.
func (c *Controller) Close() {
	c.stop()
	if c.system != nil {
		c.system.close()
	}
	c.endSeries()
}

// Observe takes an event of the runtime. It does not block.
func (c *Controller) Observe(e runtime.Event) {
	if s := c.ownerOf(e.Replica); s != nil {
		s.see(func() { s.seeEvent(e) })
	}
}

// GatewaysChanged tells that acknowledgements or requests in hand may have
// changed for the services named, nil for all. It does not block.
func (c *Controller) GatewaysChanged(names []string) {
	for _, g := range c.sortedGroups() { // weights may be in force now
		if g.working.Load() {
			g.kick()
		}
	}
	if names == nil {
		for _, s := range c.sorted() { // in order, so that a simulated run can be replayed
			s.kick()
		}
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range names {
		if s := c.services[name]; s != nil {
			s.kick()
		}
	}
}

// ownerOf finds the service of a replica: ids are NAME-VERSION-SEQUENCE.
func (c *Controller) ownerOf(replica string) *service {
	name := replica
	for range 2 {
		i := len(name) - 1
		for i >= 0 && name[i] != '-' {
			i--
		}
		if i < 0 {
			return nil
		}
		name = name[:i]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.services[name]
}

func (c *Controller) sorted() []*service {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]*service, 0, len(c.services))
	for _, s := range c.services {
		list = append(list, s)
	}
	sort.Slice(list, func(i, j int) bool { return list[i].name() < list[j].name() })
	return list
}

func (c *Controller) find(name string) (*service, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.services[name]; s != nil {
		return s, nil
	}
	return nil, &NotFoundError{Kind: "service", Name: name, Hint: "`sluice list` shows what there is"}
}

func (c *Controller) now() time.Time { return c.schedule.Now() }
