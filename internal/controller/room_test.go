package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/placement"
	"sluice.dev/sluice/internal/rollout"
)

// inBox runs a test on virtual time with a resource group box of two gpus and
// 1000 MB.
func inBox(t *testing.T, test func(t *testing.T, w *world)) {
	inWorld(t, func(t *testing.T, w *world) {
		w.shut(t)
		memory := 1000
		w.resources = map[string]Group{"box": {Kind: rollout.Dedicated,
			Capacity: placement.Capacity{MemoryMB: &memory, GPUs: []string{"0", "1"}}}}
		w.open(t)
		test(t, w)
	})
}

// place creates a service of n replicas with one gpu each.
func (w *world) place(t *testing.T, name string, n, unavailable int) {
	t.Helper()
	doc := document(t, fmt.Sprintf(`{"metadata":{"name":%q,"instance":%d,"resource":"box","gpu":1,"rpc":{"enable_sigterm":true},
		"rolling_strategy":{"max_unavailable":%d}},"containers":[{"command":"./server"}]}`, name, n, unavailable))
	if _, err := w.Create(context.Background(), By{Actor: "ann"}, doc); err != nil {
		t.Fatal(err)
	}
	time.Sleep(5 * time.Second)
}

// gpus are the devices of every running replica.
func (p *processes) gpus() (list []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.live {
		list = append(list, l.GPUs)
	}
	slices.Sort(list)
	return list
}

func (w *world) waiting(t *testing.T, name string) string {
	t.Helper()
	list, err := w.Replicas(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if r.Phase == api.ReplicaPending {
			return r.Reason
		}
	}
	return ""
}

func TestSurgeWithoutRoomWaitsAndSaysSo(t *testing.T) {
	inBox(t, func(t *testing.T, w *world) {
		w.place(t, "s", 2, 0)
		w.want(t, api.StatusRunning, 2)
		doc := document(t, `{"containers":[{"command":"./better"}]}`)
		out, err := w.Update(context.Background(), By{Actor: "ann"}, "s", doc, false)
		if err != nil || !strings.Contains(strings.Join(out.Warnings, "\n"), "0 of 2 gpus free") ||
			!strings.Contains(strings.Join(out.Warnings, "\n"), "max_unavailable=1") {
			t.Errorf("%v, warnings %q", err, out.Warnings)
		}
		time.Sleep(5 * time.Minute)
		const why = "resource group box has 0 of 2 gpus free and 1 is asked for; s-1-1 and s-1-2 hold the rest"
		if s := w.get(t); w.waiting(t, "s") != why || !strings.Contains(s.Rollout.WaitingFor, why) || s.Replicas.Kept != 2 || s.Replicas.Failed != 0 {
			t.Errorf("pending because %q; %+v", w.waiting(t, "s"), s)
		}
		// The way out that the warning names.
		doc = document(t, `{"metadata":{"rolling_strategy":{"max_unavailable":1}}}`)
		if _, err := w.Update(context.Background(), By{Actor: "ann"}, "s", doc, false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		w.want(t, api.StatusRunning, 2)
		if got := w.processes.gpus(); !slices.Equal(got, []string{"0", "1"}) {
			t.Errorf("gpus %q", got)
		}
		out, err = w.Restart(context.Background(), By{Actor: "ann"}, "s")
		if err != nil || len(out.Warnings) != 0 {
			t.Errorf("a restart that can go on: %v, %q", err, out.Warnings)
		}
		time.Sleep(time.Minute)
		w.want(t, api.StatusRunning, 2)
	})
}

// TestReleaseWakesOthers: what one service gives back another has at once, and
// not only at its next try.
func TestReleaseWakesOthers(t *testing.T) {
	inBox(t, func(t *testing.T, w *world) {
		w.place(t, "s", 2, 1)
		w.place(t, "other", 1, 1)
		if why := w.waiting(t, "other"); !strings.Contains(why, "s-1-1 and s-1-2") {
			t.Fatalf("pending because %q", why)
		}
		if _, err := w.Scale(context.Background(), By{Actor: "ann"}, "s", 1); err != nil {
			t.Fatal(err)
		}
		// Tries are a second apart: by itself one comes 0 to 1 s from now. It ended
		// meanwhile, which takes 10 ms of acknowledgement.
		for begun := time.Now(); w.processes.running() != 1 && time.Since(begun) < 900*time.Millisecond; {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(2 * time.Millisecond)
		if w.processes.running() != 2 || !slices.Equal(w.processes.gpus(), []string{"0", "1"}) {
			t.Errorf("%d processes run, gpus %q", w.processes.running(), w.processes.gpus())
		}
	})
}

// TestRoomAfterARestart: what replicas have is known again when the control
// plane comes back, whenever it went away.
func TestRoomAfterARestart(t *testing.T) {
	inBox(t, func(t *testing.T, w *world) {
		w.place(t, "s", 1, 0)
		w.place(t, "first", 1, 0)
		if _, err := w.Delete(context.Background(), By{Actor: "ann"}, "s"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // the replica left has gpu 1
		w.shut(t)
		w.open(t)
		w.place(t, "s", 1, 0)
		w.place(t, "third", 1, 0)
		if got := w.processes.gpus(); !slices.Equal(got, []string{"0", "1"}) {
			t.Errorf("gpus %q", got)
		}
		if why := w.waiting(t, "third"); !strings.Contains(why, "first-1-1 and s-1-1") {
			t.Errorf("the third waits because %q", why)
		}
	})
}

// TestCrashKeepsItsPlace: a replica that ended by itself has its gpu when it
// starts again, though others wait for one.
func TestCrashKeepsItsPlace(t *testing.T) {
	inBox(t, func(t *testing.T, w *world) {
		w.place(t, "s", 2, 0)
		w.place(t, "other", 1, 0)
		w.processes.end("s-1-1", "crash", 1)
		time.Sleep(time.Minute)
		if !w.processes.did("start s-1-1/2") || w.waiting(t, "other") == "" {
			t.Errorf("other waits because %q", w.waiting(t, "other"))
		}
	})
}

func TestWhatNeverFits(t *testing.T) {
	inBox(t, func(t *testing.T, w *world) {
		ctx, by := context.Background(), By{Actor: "ann"}
		w.place(t, "s", 2, 0)
		create := func(metadata string) error {
			_, err := w.Create(ctx, by, document(t, `{"metadata":{"name":"x",`+metadata+`},"containers":[{"command":"./server"}]}`))
			return err
		}
		update := func(metadata string) error {
			_, err := w.Update(ctx, by, "s", document(t, `{"metadata":{`+metadata+`}}`), false)
			return err
		}
		_, scaled := w.Scale(ctx, by, "s", 3)
		for name, c := range map[string]struct {
			err  error
			says []string
		}{
			"too many gpus":   {create(`"resource":"box","gpu":3`), []string{"metadata.gpu: 3: ", "3 gpus", "2 gpus in all", "ask for less"}},
			"too much memory": {create(`"resource":"box","memory":1001`), []string{"metadata.memory: 1001: ", "1000 MB"}},
			"too many":        {create(`"resource":"box","memory":500,"instance":3`), []string{"metadata.instance: 3: ", "the most replicas it holds is 2"}},
			"no such group":   {create(`"resource":"bax"`), []string{`metadata.resource: "bax": `, "there is box"}},
			"by update":       {update(`"gpu":2`), []string{"metadata.instance: 2: ", "the most replicas it holds is 1"}},
			"by scale":        {scaled, []string{"metadata.instance: 3: ", "the most replicas it holds is 2"}},
		} {
			invalid, ok := c.err.(*api.InvalidError)
			if !ok {
				t.Errorf("%s: %v", name, c.err)
				continue
			}
			for _, part := range c.says {
				if !strings.Contains(invalid.Error(), part) {
					t.Errorf("%s: %q does not say %q", name, invalid, part)
				}
			}
		}
		if s := w.get(t); s.LatestVersion != 1 || s.Replicas.Desired != 2 {
			t.Errorf("refusals left %+v", s)
		}
		if err := create(`"memory":5000,"gpu":9`); err != nil {
			t.Errorf("without a group: %v", err)
		}
	})
}
