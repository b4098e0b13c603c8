package controller

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/secret"
	"sluice.dev/sluice/internal/store"
)

// withSecrets has the world seal with the key in its data directory.
func withSecrets(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	inWorld(t, func(t *testing.T, w *world) {
		w.shut(t)
		w.sealing = true
		w.open(t)
		test(t, w)
	})
}

// inClear is in every value that must not be found anywhere but where it is used.
const inClear = "in-clear-4711"

const secretive = `{"metadata":{"name":"s","instance":1},"token":"token-in-clear-4711","dockerAuth":"auth-in-clear-4711",
	"containers":[{"command":"./server","env":[{"name":"API_KEY","value":"key-in-clear-4711","secret":true},{"name":"LEVEL","value":"info"}]}]}`

func (w *world) make(t *testing.T, text string) {
	t.Helper()
	if _, err := w.Create(context.Background(), By{Actor: "ann"}, document(t, text)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
}

// change updates the service and gives how it was refused.
func (w *world) change(t *testing.T, text string, replace bool) (Outcome, error) {
	t.Helper()
	out, err := w.Update(context.Background(), By{Actor: "ann"}, "s", document(t, text), replace)
	time.Sleep(time.Minute)
	return out, err
}

func (w *world) env(t *testing.T) string {
	t.Helper()
	w.processes.mu.Lock()
	defer w.processes.mu.Unlock()
	var words []string
	for _, l := range w.processes.live {
		for _, e := range l.Spec.Container.Env {
			words = append(words, e.Name+"="+e.Value)
		}
	}
	return strings.Join(words, " ")
}

func (w *world) token(service string) string {
	w.plane.mu.Lock()
	defer w.plane.mu.Unlock()
	return w.plane.routes[service].Token
}

// nothingInClear wants no file of the data directory to hold a value.
func nothingInClear(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if bytes.Contains(content, []byte(inClear)) {
			t.Errorf("%s holds a secret in clear", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// shown is everything that is told of a service.
func (w *world) shown(t *testing.T) string {
	t.Helper()
	ctx := context.Background()
	var all []any
	add := func(v any, err error) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	add(w.List(ctx), nil)
	add(w.Versions(ctx, "s", Page{}))
	add(w.Rollouts(ctx, "s"))
	add(w.Replicas(ctx, "s"))
	add(w.Events(ctx, store.EventQuery{}))
	add(w.Groups(ctx), nil)
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSecretsAreSealedBehindTheDoor(t *testing.T) {
	withSecrets(t, func(t *testing.T, w *world) {
		w.make(t, secretive)
		if env := w.env(t); env != "API_KEY=key-in-clear-4711 LEVEL=info" {
			t.Errorf("the replica gets %s", env)
		}
		if token := w.token("s"); token != "token-in-clear-4711" {
			t.Errorf("the gateway asks for %q", token)
		}
		p, err := w.Preview(context.Background(), "s", document(t, strings.Replace(secretive, "key-in", "new-key-in", 1)), true)
		if text := fmt.Sprintf("%+v", p); err != nil || strings.Contains(text, inClear) || len(p.Changes) != 1 || p.Changes[0] != "containers[0].env[API_KEY]" {
			t.Errorf("%s, %v", text, err)
		}
		if out, err := w.change(t, secretive, true); err != nil || out.Changed {
			t.Errorf("the same file again: %+v, %v", out, err)
		}
		if _, err := w.change(t, strings.Replace(secretive, "key-in", "new-key-in", 1), false); err != nil {
			t.Fatal(err)
		}
		if env := w.env(t); env != "API_KEY=new-key-in-clear-4711 LEVEL=info" {
			t.Errorf("then it gets %s", env)
		}
		d, err := w.Diff(context.Background(), "s", Pair{From: 1, To: 2, Lines: true})
		if err != nil || len(d.Changes) != 1 || d.Changes[0].Path != "containers[0].env[API_KEY]" || d.Changes[0].Op != "replace" || bytes.Equal(d.Changes[0].From, d.Changes[0].To) {
			t.Errorf("%+v, %v", d, err)
		}
		file := document(t, secretive)
		d, err = w.Diff(context.Background(), "s", Pair{From: 2, File: &file, Lines: true})
		if text := fmt.Sprintf("%+v", d); err != nil || len(d.Changes) != 1 || strings.Contains(text, inClear) {
			t.Errorf("with the first file: %s, %v", text, err)
		}
		file = document(t, string(secret.Mask(w.get(t).Config)))
		if d, err = w.Diff(context.Background(), "s", Pair{From: 1, File: &file}); err != nil || len(d.Changes) != 0 {
			t.Errorf("with what is shown: %+v, %v", d, err)
		}
		if _, err := w.Rollback(context.Background(), By{}, "s", api.Rollback{Version: 1}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if env := w.env(t); env != "API_KEY=key-in-clear-4711 LEVEL=info" {
			t.Errorf("after the rollback it gets %s", env)
		}
		if shown := w.shown(t); strings.Contains(shown, inClear) || strings.Contains(string(secret.Mask([]byte(shown))), api.SealedPrefix) {
			t.Errorf("shown: %s", shown)
		}
		nothingInClear(t, w.data)
		w.shut(t) // adopted, restarted, closed: as before
		w.open(t)
		if env, token := w.env(t), w.token("s"); env != "API_KEY=key-in-clear-4711 LEVEL=info" || token != "token-in-clear-4711" {
			t.Errorf("after a restart: %s, %s", env, token)
		}
		if _, err := w.Restart(context.Background(), By{}, "s"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if env := w.env(t); env != "API_KEY=key-in-clear-4711 LEVEL=info" {
			t.Errorf("restarted with %s", env)
		}
		nothingInClear(t, w.data)
	})
}

func TestWhatWasShownIsWrittenBack(t *testing.T) {
	withSecrets(t, func(t *testing.T, w *world) {
		w.make(t, secretive)
		shown := string(secret.Mask(w.get(t).Config))
		for name, c := range map[string]struct {
			from, to string
			replace  bool
			changed  bool
			env      string
			refusal  string
		}{
			"as it is":                {replace: true},
			"as it is, merged":        {},
			"another value beside it": {from: `"info"`, to: `"debug"`, replace: true, changed: true, env: "API_KEY=key-in-clear-4711 LEVEL=debug"},
			"and back":                {from: `"info"`, to: `"info"`, changed: true, env: "API_KEY=key-in-clear-4711 LEVEL=info"},
			"another name":            {from: `"API_KEY"`, to: `"API_KEYS"`, refusal: "containers[0].env[API_KEYS]: "},
			"without the mark":        {from: `"secret":true,`, to: ``, refusal: "containers[0].env[API_KEY]: "},
		} {
			out, err := w.change(t, strings.Replace(shown, c.from, c.to, 1), c.replace)
			if (err != nil) != (c.refusal != "") || err != nil && !strings.HasPrefix(err.Error(), c.refusal) {
				t.Errorf("%s: %v", name, err)
			}
			if err == nil && name != "and back" && out.Changed != c.changed {
				t.Errorf("%s: %+v", name, out)
			}
			if env := w.env(t); c.env != "" && env != c.env {
				t.Errorf("%s: the replica gets %s", name, env)
			}
		}
		if token := w.token("s"); token != "token-in-clear-4711" {
			t.Errorf("the gateway asks for %q", token)
		}
		sealed := string(w.get(t).Config) // as only the database has it
		if out, err := w.change(t, sealed, true); err != nil || out.Changed && !strings.Contains(sealed, `"debug"`) {
			t.Errorf("sealed text that is ours: %+v, %v", out, err)
		}
		for _, text := range []string{"sealed:v1:", "sealed:v1:hello", api.SealedLost} {
			_, err := w.change(t, fmt.Sprintf(`{"token":%q}`, text), false)
			if refused := (*api.InvalidError)(nil); !errors.As(err, &refused) || refused.Problems[0].Path != "token" || len(text) > 10 && strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v", text, err)
			}
		}
		_, err := w.Create(context.Background(), By{}, document(t, strings.Replace(shown, `"s"`, `"other"`, 1)))
		if refused := (*api.InvalidError)(nil); !errors.As(err, &refused) || len(refused.Problems) != 3 {
			t.Errorf("another service of what was shown: %v", err)
		}
		if _, err := w.change(t, `{"token":"with a space"}`, false); err == nil || strings.Contains(err.Error(), "space is") {
			t.Errorf("a token that is not allowed: %v", err)
		}
	})
}

func TestTokenOfAGroupIsSealed(t *testing.T) {
	withSecrets(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		token := func(s string) api.GroupChange { return api.GroupChange{Token: &s} }
		asked := func() string {
			w.plane.mu.Lock()
			defer w.plane.mu.Unlock()
			return w.plane.groups["g"].Token
		}
		if _, err := w.CreateGroup(ctx, By{}, "g", token("g-"+inClear)); err != nil || asked() != "g-"+inClear {
			t.Fatal(asked(), err)
		}
		if _, err := w.ChangeGroup(ctx, By{}, "g", token(api.Mask)); err != nil || asked() != "g-"+inClear {
			t.Errorf("the mask: %q, %v", asked(), err)
		}
		if _, err := w.ChangeGroup(ctx, By{}, "g", token("new-"+inClear)); err != nil || asked() != "new-"+inClear {
			t.Errorf("another: %q, %v", asked(), err)
		}
		w.shut(t)
		w.open(t)
		if asked() != "new-"+inClear {
			t.Errorf("after a restart: %q", asked())
		}
		nothingInClear(t, w.data)
		if _, err := w.ChangeGroup(ctx, By{}, "g", token("")); err != nil || asked() != "" {
			t.Errorf("none: %q, %v", asked(), err)
		}
		if _, err := w.ChangeGroup(ctx, By{}, "g", token(api.Mask)); err == nil || asked() != "" {
			t.Errorf("the mask of none: %q, %v", asked(), err)
		}
	})
}

// What earlier releases stored in clear is sealed at the first start, and not to
// be found in any file afterwards.
func TestStoredInClear(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		token := "group-" + inClear
		if _, err := w.CreateGroup(context.Background(), By{}, "g", api.GroupChange{Token: &token}); err != nil {
			t.Fatal(err)
		}
		w.make(t, secretive)
		if _, err := w.change(t, strings.Replace(secretive, "token-in", "second-token-in", 1), false); err != nil {
			t.Fatal(err)
		}
		if _, err := w.change(t, strings.Replace(secretive, "info", "debug", 1), false); err != nil {
			t.Fatal(err)
		}
		w.shut(t)
		content, err := os.ReadFile(filepath.Join(w.data, "sluice.db"))
		if err != nil || !bytes.Contains(content, []byte(inClear)) {
			t.Fatalf("nothing is stored in clear: this test shows nothing: %v", err)
		}
		calls := w.processes.called()
		w.sealing = true
		w.open(t)
		nothingInClear(t, w.data)
		if env, asked := w.env(t), w.token("s"); env != "API_KEY=key-in-clear-4711 LEVEL=debug" || asked != "token-in-clear-4711" {
			t.Errorf("the replica has %s, the gateway asks for %s", env, asked)
		}
		w.plane.mu.Lock()
		if got := w.plane.groups["g"].Token; got != token {
			t.Errorf("the group asks for %q", got)
		}
		w.plane.mu.Unlock()
		time.Sleep(time.Minute)
		if n := w.processes.called() - calls; n != 1 { // adopted
			t.Errorf("%d calls: sealing replaced replicas", n)
		}
		if shown := w.shown(t); strings.Contains(shown, inClear) {
			t.Errorf("shown: %s", shown)
		}
		if out, err := w.change(t, strings.Replace(secretive, "info", "debug", 1), true); err != nil || out.Changed {
			t.Errorf("the same file again: %+v, %v", out, err)
		}
		calls = w.processes.called()
		if out, err := w.change(t, `{"labels":{"a":"b"}}`, false); err != nil || !out.Changed || w.processes.called() != calls {
			t.Errorf("a label replaces replicas: %+v, %v", out, err)
		}
	})
}

func TestTheKeyIsLost(t *testing.T) {
	withSecrets(t, func(t *testing.T, w *world) {
		token := "group-" + inClear
		if _, err := w.CreateGroup(context.Background(), By{}, "g", api.GroupChange{Token: &token}); err != nil {
			t.Fatal(err)
		}
		w.make(t, secretive)
		file := secret.File(w.data)
		good, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		w.shut(t)
		for name, c := range map[string]struct {
			change func() error
			want   string
		}{
			"missing": {func() error { return os.Remove(file) }, "is missing"},
			"another": {func() error {
				_ = os.Remove(file)
				other, err := secret.Open(file)
				if err != nil {
					return err
				}
				return other.Keep()
			}, "is not the one it was sealed with"},
		} {
			if err := c.change(); err != nil {
				t.Fatal(err)
			}
			err := w.start(t)
			w.shut(t)
			for _, want := range []string{file, c.want, "group g (token)", "service s (containers[0].env[API_KEY], dockerAuth, token)", "from a backup", "--give-up-secrets"} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v; it should say %s", name, err, want)
				}
			}
			if _, err := os.Stat(file); name == "missing" && err == nil {
				t.Error("a start that failed made a new key")
			}
		}
		if err := os.WriteFile(file, good, 0o600); err != nil {
			t.Fatal(err)
		}
		w.open(t)
		if asked := w.token("s"); asked != "token-in-clear-4711" {
			t.Errorf("with the key back the gateway asks for %q", asked)
		}
	})
}

func TestSecretsThatWereGivenUp(t *testing.T) {
	withSecrets(t, func(t *testing.T, w *world) {
		w.make(t, secretive)
		w.shut(t)
		if err := os.Remove(secret.File(w.data)); err != nil {
			t.Fatal(err)
		}
		w.giveUp = true
		w.open(t)
		if asked := w.token("s"); asked == "" || asked == "token-in-clear-4711" {
			t.Errorf("the gateway asks for %q", asked)
		}
		w.shut(t)
		w.giveUp = false // once is enough
		w.open(t)
		if s := w.get(t); s.Replicas.Ready != 1 {
			t.Errorf("what ran does not run on: %+v", s.Replicas)
		}
		if _, err := w.Scale(context.Background(), By{}, "s", 2); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		list, err := w.Replicas(context.Background(), "s")
		if err != nil || len(list) != 2 || list[1].Phase != api.ReplicaFailed || !strings.Contains(list[1].Reason, "API_KEY cannot be opened: its key was lost") {
			t.Errorf("%+v, %v", list, err)
		}
		_, err = w.change(t, `{"labels":{"a":"b"}}`, false)
		if refused := (*api.InvalidError)(nil); !errors.As(err, &refused) || len(refused.Problems) != 3 || !strings.Contains(err.Error(), "set the value again") {
			t.Errorf("an update that leaves them: %v", err)
		}
		if _, err := w.change(t, secretive, false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if env, asked := w.env(t), w.token("s"); !strings.HasPrefix(env, "API_KEY=key-in-clear-4711 ") || asked != "token-in-clear-4711" {
			t.Errorf("set again: %s, %s", env, asked)
		}
	})
}

// What a program says of its secrets when it ends, or a command that they were put
// into, is no more shown than they are.
func TestWhatIsSaidOfSecrets(t *testing.T) {
	withSecrets(t, func(t *testing.T, w *world) {
		w.make(t, secretive)
		replica := func() api.Replica {
			t.Helper()
			list, err := w.Replicas(context.Background(), "s")
			if err != nil || len(list) == 0 {
				t.Fatal(list, err)
			}
			return list[0]
		}
		tell := func(e runtime.Event) {
			e.Replica, e.Attempt, e.At = replica().ID, 1+replica().Restarts, time.Now()
			w.Observe(e)
			synctest.Wait()
		}
		for _, kind := range []runtime.EventKind{runtime.Unhealthy, runtime.NotLive} {
			tell(runtime.Event{Kind: kind, Reason: "401: no such key: key-in-clear-4711, it says"})
			if why := replica().Reason; !strings.Contains(why, "no such key: "+api.Mask+", it says") {
				t.Errorf("%q", why)
			}
		}
		w.processes.refuseWith(&runtime.UnstartableError{Reason: "there is no program ./key-in-clear-4711"})
		tell(runtime.Event{Kind: runtime.Exited, Exit: &runtime.Exit{Known: true, Code: 1, Lines: []string{"bad key: key-in-clear-4711"}}})
		time.Sleep(time.Minute)
		shown := w.shown(t)
		for _, want := range []string{"bad key: " + api.Mask, "there is no program ./" + api.Mask} {
			if strings.Contains(shown, inClear) || !strings.Contains(shown, want) {
				t.Errorf("%s is not in %s", want, shown)
			}
		}
		nothingInClear(t, w.data)
	})
}

// A promotion carries sealed values from one service to another.
func TestSealedValuesMoveBetweenServices(t *testing.T) {
	withSecrets(t, func(t *testing.T, w *world) {
		w.make(t, secretive)
		w.make(t, `{"metadata":{"name":"t"},"containers":[{"command":"./other"}]}`)
		if _, err := w.updateFrom(context.Background(), By{}, "t", "s", 1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if env := w.env(t); strings.Count(env, "API_KEY=key-in-clear-4711") != 2 {
			t.Errorf("%s", env)
		}
		if asked := w.token("t"); asked != "" {
			t.Errorf("the token went along: %q", asked)
		}
	})
}
