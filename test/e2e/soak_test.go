package e2e

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"sluice.dev/sluice/api"
)

var (
	operations = flag.Int("operations", 4, "how many random operations TestSoak and TestSoakGroup make, each")
	soakFor    = flag.Duration("duration", 0, "how long TestSoak and TestSoakGroup go on at least; the operations are spread over it")
	soakSeed   = flag.Uint64("seed", 0, "what TestSoak and TestSoakGroup draw their operations from; 0 draws a seed")
)

// soaked are the services of TestSoak: every way in which a replica can end.
var soaked = []struct {
	name     string
	settings object
	flags    []string
}{
	// SIGTERM comes when nothing is in flight, so that even a server that drops
	// everything at once loses nothing.
	{"term-idle", ending(true, "idle", 60), append([]string{"-hasty"}, slowStart...)},
	{modelled, ending(true, "grace_period", 60), slowStart},
	{"mute-idle", ending(false, "idle", 60), slowStart},
	{"mute-grace", ending(false, "grace_period", 6), slowStart}, // longer than a stream on a busy machine
}

// modelled is the service of TestSoak that has a model, which somebody overwrites.
const modelled = "term-grace"

// TestSoak updates, fails, rolls back, restarts, scales, pauses and resumes at
// random, overwrites a model, kills the control plane and restarts the gateway at
// random moments, while callers of every protocol ask: nothing may be lost, cut
// or run twice, and at the end the first version runs its first model.
// A seed repeats the operations, if not their timing:
//
//	go test ./test/e2e -run TestSoak -operations 100 -duration 3m -seed 7
func TestSoak(t *testing.T) {
	t.Parallel()
	s := newSoak(t)
	p := s.plane
	loads := map[string]*load{}
	for _, v := range soaked {
		file := p.file(v.name, 2, s.flags(v.name, v.flags)...).with(v.settings).with(object{"retain": api.RetainArtifacts})
		created := p.create(file)
		loads[v.name] = startMixed(t, v.name, created.Endpoint)
	}
	s.operate()
	for _, v := range soaked {
		p.unplan(v.name)
		last := p.update(v.name, p.container("last", s.flags(v.name, v.flags)...))
		p.settled(v.name, last.CurrentVersion)
	}
	s.rollsBackToFirst()
	for _, v := range soaked {
		t.Run(v.name, func(t *testing.T) {
			l := loads[v.name]
			l.more(20)
			l.t = t
			l.nothingLost(p.record)
		})
	}
	s.ends()
}

// soak makes operations.
type soak struct {
	*plane
	random  *rand.Rand
	weights string // the model's file
	story   []string
	did     map[string]int
}

func newSoak(t *testing.T) *soak {
	seed := *soakSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-seed %d", seed)
	s := &soak{plane: planeAt(t, freeAddress(t)), random: rand.New(rand.NewPCG(seed, 1)), weights: filepath.Join(t.TempDir(), "weights")}
	s.overwrites("first")
	return s
}

// overwrites puts other weights in place of those that versions recorded: in the
// same file, or in another one of the same name.
func (s *soak) overwrites(text string) {
	if s.random.IntN(2) == 0 {
		must(s.t, os.RemoveAll(s.weights))
	}
	must(s.t, os.WriteFile(s.weights, []byte(text), 0o644))
}

// flags are those of a service, and its model if it has one.
func (s *soak) flags(name string, flags []string) []string {
	if name != modelled {
		return flags
	}
	return append(slices.Clone(flags), "-model", s.weights)
}

// rollsBackToFirst goes back to the version that recorded the first model, whatever
// has been in its place since.
func (s *soak) rollsBackToFirst() {
	s.overwrites("garbage")
	s.put(modelled, "version", object{"version": 1})
	s.settled(modelled, 1)
	if got := s.model(s.service(modelled).Endpoint); got != "first" {
		s.t.Errorf("version 1 answers with the model %q after the last rollback", got)
	}
}

// ends looks for WebSockets that were broken off, and tells what has happened if
// anything was wrong.
func (s *soak) ends() {
	for _, e := range s.recorded() {
		if e.Kind == "broken" {
			s.t.Errorf("replica %s saw the WebSocket %s broken off", e.Replica, e.ID)
		}
	}
	s.t.Logf("%v", s.did)
	if s.t.Failed() {
		for _, line := range s.story {
			s.t.Log(line)
		}
	}
}

func (s *soak) tell(kind, format string, args ...any) {
	s.story = append(s.story, time.Now().UTC().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
	s.did[kind]++
}

func (s *soak) operate() {
	s.each(func(n int) {
		v := soaked[s.random.IntN(len(soaked))]
		switch s.random.IntN(10) {
		case 0:
			s.losesControl(s.random.IntN(2) == 0)
		case 1:
			s.tell("gateway", "the gateway is restarted")
			if err := s.restartGateway(); err != nil {
				s.t.Error(err)
			}
		case 2, 3:
			s.rest(v.name)
			fallthrough
		default:
			if v.name == modelled && s.random.IntN(2) == 0 {
				s.tell("model", "the model is overwritten")
				s.overwrites(fmt.Sprint("model ", n))
			}
			s.tell("change", "%s", s.anything(v.name, s.random, fmt.Sprint(n), s.flags(v.name, v.flags)))
		}
	})
}

// each makes the operations, spread over the time that the test is to take.
func (s *soak) each(operate func(n int)) {
	s.did = map[string]int{}
	began := time.Now()
	for n := range *operations {
		operate(n)
		pause := time.Duration(100+s.random.IntN(400)) * time.Millisecond
		due := began.Add(*soakFor * time.Duration(n+1) / time.Duration(*operations))
		time.Sleep(max(pause, time.Until(due)))
	}
	// However few operations there are, both of these are among them.
	s.losesControl(true)
	s.tell("gateway", "the gateway is restarted")
	if err := s.restartGateway(); err != nil {
		s.t.Error(err)
	}
}

// losesControl kills the control plane and starts another after a while; with
// gateway set in the middle of a restart of the gateway, which may then fail or
// not, but loses nothing.
func (s *soak) losesControl(gateway bool) {
	restarted := make(chan error, 1)
	if gateway {
		go func() { restarted <- s.restartGateway() }()
		time.Sleep(time.Duration(s.random.IntN(60)) * time.Millisecond)
	} else {
		restarted <- nil
	}
	s.tell("kill", "the control plane is killed (while the gateway is restarted: %v)", gateway)
	s.kill()
	if err := <-restarted; err != nil {
		s.tell("interrupted", "the restart of the gateway was interrupted: %v", err)
	}
	time.Sleep(time.Duration(s.random.IntN(500)) * time.Millisecond)
	s.start()
}

// rest waits until a rollout that runs has ended or paused.
func (s *soak) rest(name string) {
	s.tell("rest", "%s comes to rest", name)
	s.until(name, "comes to rest", func(v api.Service) bool {
		return v.Plan != nil && v.Plan.Stage == api.StageBatchCompleted || slices.Contains([]api.Status{api.StatusRunning, api.StatusPaused, api.StatusStopped, api.StatusFailed}, v.Status)
	})
}
