package client

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/internal/server/servertest"

	"sluice.dev/sluice/api"
)

func TestWaitEnds(t *testing.T) {
	update := func(c *Client) (Answer, error) {
		return c.Update(context.Background(), "a", document(t, `{"labels":{"x":"y"}}`), Merge)
	}
	scale := func(c *Client) (Answer, error) { return c.Scale(context.Background(), "a", 5) }
	rollback := func(c *Client) (Answer, error) { return c.Rollback(context.Background(), "a", api.Rollback{}) }
	stop := func(c *Client) (Answer, error) { return c.Stop(context.Background(), "a") }
	remove := func(c *Client) (Answer, error) { return c.Delete(context.Background(), "a") }
	for _, c := range []struct {
		name    string
		ending  servertest.Ending
		change  func(*Client) (Answer, error)
		goal    Goal
		reached bool
		text    string
	}{
		{"completed", servertest.Completed, update, Rolled, true, "version 3 runs, 3 of 3 replicas ready"},
		{"failed", servertest.Failed, update, Rolled, false, "replica a-3-9 failed: exit code 3: model file is corrupt"},
		{"superseded", servertest.Superseded, update, Rolled, false, "the update to version 3 was superseded by the update to version 4 of somebody"},
		{"rolled back", servertest.RolledBack, update, Rolled, false, "the update to version 3 was rolled back to version 2"},
		{"rolled back as asked", servertest.RolledBack, rollback, RolledBack, true, "the rollback to version 1 was rolled back to version 2"},
		{"rolled back by a rollback", servertest.Completed, rollback, RolledBack, true, "version 1 runs, 3 of 3 replicas ready"},
		{"stopped", servertest.Stopped, update, Rolled, false, "service a was stopped meanwhile"},
		{"deleted", servertest.Deleted, update, Rolled, false, "service a is deleted"},
		{"at a target", servertest.AtTarget, update, Rolled, true, "waiting at 1 of 3"},
		{"scaled", servertest.Completed, scale, Steady, true, "5 of 5 replicas ready"},
		{"scale fails", servertest.Failed, scale, Steady, false, "replica a-2-9 failed: exit code 3: out of memory"},
		{"scale of a stopped one", servertest.Stopped, scale, Steady, false, "service a was stopped meanwhile"},
		{"stop", "", stop, Halted, true, "service a is stopped"},
		{"gone", "", remove, Gone, true, "service a is deleted"},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, memory, _ := connect(t)
			running(t, client)
			a, err := client.Update(t.Context(), "a", document(t, `{"labels":{"x":"0"}}`), Merge)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := client.Wait(t.Context(), a, Rolled, nil); err != nil {
				t.Fatal(err)
			}
			if c.ending != "" {
				memory.Endings(c.ending, servertest.Hangs)
			}
			answer, err := c.change(client)
			if err != nil {
				t.Fatal(err)
			}
			news := 0
			end, err := client.Wait(t.Context(), answer, c.goal, func(Progress) { news++ })
			if err != nil || end.Reached != c.reached || end.Text != c.text || news == 0 {
				t.Errorf("%+v, %v after %d news; want %v %q", end, err, news, c.reached, c.text)
			}
		})
	}
}

func TestWaitForWhatIsDoneAlready(t *testing.T) {
	c, _, _ := connect(t)
	running(t, c)
	same, err := c.Apply(t.Context(), document(t, file))
	if err != nil || same.Changed {
		t.Fatalf("%+v, %v", same, err)
	}
	end, err := c.Wait(t.Context(), same, Rolled, nil)
	if err != nil || !end.Reached || end.Text != "nothing to change" {
		t.Errorf("%+v, %v", end, err)
	}
	stop, _ := c.Stop(t.Context(), "a")
	if _, err := c.Wait(t.Context(), stop, Halted, nil); err != nil {
		t.Fatal(err)
	}
	a, err := c.Scale(t.Context(), "a", 7)
	if err != nil {
		t.Fatal(err)
	}
	_ = a
	update, err := c.Update(t.Context(), "a", document(t, `{"labels":{"x":"y"}}`), Merge)
	if err != nil {
		t.Fatal(err)
	}
	if end, err := c.Wait(t.Context(), update, Rolled, nil); err != nil || !end.Reached {
		t.Errorf("update of a stopped service: %+v, %v", end, err)
	}
}

// The same file again, while its rollout is in progress: it is waited for.
func TestWaitForARolloutOfAnEarlierCall(t *testing.T) {
	c, memory, _ := connect(t)
	memory.Endings(servertest.Failed)
	created(t, c)
	same, err := c.Apply(t.Context(), document(t, file))
	if err != nil || same.Changed {
		t.Fatalf("%+v, %v", same, err)
	}
	end, err := c.Wait(t.Context(), same, Rolled, nil)
	if err != nil || end.Reached || !strings.Contains(end.Text, "exit code 3") {
		t.Errorf("%+v, %v", end, err)
	}
}

func TestWaitTimesOut(t *testing.T) {
	c, memory, _ := connect(t)
	memory.Endings(servertest.Hangs)
	late := errors.New("too late")
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, late)
	defer cancel()
	end, err := c.Wait(ctx, created(t, c), Rolled, nil)
	if !errors.Is(err, late) || end.Service.Name != "a" {
		t.Errorf("%+v, %v", end, err)
	}
}

// A control plane that is restarted interrupts nothing but the connection: what
// happens after it came back is seen.
func TestWaitThroughARestart(t *testing.T) {
	c, memory, web := connect(t)
	memory.Endings(servertest.Hangs)
	answer := created(t, c)
	broken := 0
	end, err := c.Wait(t.Context(), answer, Rolled, func(p Progress) {
		switch {
		case p.Trouble == nil && broken == 0:
			web.CloseClientConnections()
		case p.Trouble != nil:
			if broken++; broken == 1 {
				if _, err := c.Update(t.Context(), "a", document(t, `{"labels":{"x":"y"}}`), Merge); err != nil {
					t.Error(err)
				}
			}
		}
	})
	if err != nil || end.Reached || end.Text != "the create to version 1 was superseded by the update to version 2 of admin" || broken == 0 {
		t.Errorf("%+v, %v; broken %d times", end, err, broken)
	}
}
