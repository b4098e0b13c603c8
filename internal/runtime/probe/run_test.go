package probe

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/runtime"
)

func TestRunReportsOnAClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		// Ready after 3 s, gone from 20 s on.
		probe := func(context.Context, api.Check) error {
			if age := time.Since(started); age < 3*time.Second || age >= 20*time.Second {
				return errors.New("refused")
			}
			return nil
		}
		type seen struct {
			kind runtime.EventKind
			at   time.Duration
		}
		var got []seen
		done := make(chan struct{})
		go func() {
			defer close(done)
			Run(ctx, Begin(Checks{Health: tcp(nil)}, started), probe, func(r Report, at time.Time) {
				got = append(got, seen{r.Kind, at.Sub(started)})
			})
		}()
		time.Sleep(time.Minute)
		cancel()
		<-done
		if len(got) != 3 || got[0].kind != runtime.NotYet || got[1].kind != runtime.Healthy || got[2].kind != runtime.Unhealthy {
			t.Fatalf("reported %v", got)
		}
		if early := got[0].at; early < time.Second || early > 1100*time.Millisecond {
			t.Errorf("the reason it is not ready yet was told after %v, want once, after a second", early)
		}
		got = got[1:]
		if late := got[0].at - 3*time.Second; late < 0 || late > 100*time.Millisecond {
			t.Errorf("ready seen %v late", late)
		}
		if got[1].at < 30*time.Second || got[1].at > 35*time.Second {
			t.Errorf("unhealthy after %v, want the third failure after 20 s", got[1].at)
		}
	})
}

func TestRunReportsNothingAfterItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		probing := make(chan struct{})
		go func() {
			<-probing
			cancel()
		}()
		// The probe succeeds although it was called off.
		Run(ctx, Begin(Checks{Health: tcp(nil)}, time.Now()), func(ctx context.Context, _ api.Check) error {
			close(probing)
			<-ctx.Done()
			return nil
		}, func(r Report, _ time.Time) {
			t.Errorf("reported %v after the end", r)
		})
	})
}

func TestRunLimitsAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		check := tcp(func(c *api.Check) { c.Timeout, c.FailureThreshold = time.Second, 1 })
		began := time.Now()
		Run(ctx, Resume(Checks{Health: check}, began, began, 0), func(ctx context.Context, _ api.Check) error {
			<-ctx.Done() // a server that never answers
			return ctx.Err()
		}, func(r Report, at time.Time) {
			if r.Kind != runtime.Unhealthy || at.Sub(began) != time.Second {
				t.Errorf("%v after %v", r, at.Sub(began))
			}
			cancel()
		})
	})
}
