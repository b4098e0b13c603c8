package controller

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/store"
)

// Secrets seals values and opens them. Sealing is deterministic, so that sealed
// documents, replica keys and revisions are compared as any others.
//
// Documents are sealed where they come in (Create, Update, Preview) or, stored by
// an earlier release, where they are loaded; group tokens likewise. Nothing behind
// that door holds a value in clear: records, versions, differences, events. A value
// is opened in three places, each time for one use: the environment of a replica
// that starts or is adopted, a service's token in its route, a group's in its own.
type Secrets interface {
	Seal(value string) (string, error)
	Open(sealed string) (string, error)
}

// sealed makes of a document that was made of current and what somebody sent the
// one that is kept: checked as it was meant, each Mask replaced by the value in
// force, each secret sealed. Sealed text that is ours is the value it stands for.
func (c *Controller) sealed(current, next api.Document) (api.Document, *api.Spec, error) {
	spec, err := api.Parse(next)
	if err != nil {
		return api.Document{}, nil, err
	}
	if next, err = api.KeepSecrets(current, next); err != nil {
		return api.Document{}, nil, err
	}
	if c.cfg.Secrets == nil || !next.HasSecrets() {
		return next, spec, nil
	}
	if next, err = next.MapSecrets(c.seal); err != nil {
		return api.Document{}, nil, err
	}
	spec, err = api.Parse(next)
	return next, spec, err
}

func (c *Controller) seal(_, value string) (string, error) {
	if api.IsSealed(value) {
		opened, err := c.cfg.Secrets.Open(value)
		switch {
		case value == api.SealedLost:
			return "", err
		case err != nil:
			return "", fmt.Errorf("a value that begins with %q is one that the server has sealed, and this one cannot be opened: %w; write the value itself", api.SealedPrefix, err)
		}
		value = opened
	}
	return c.cfg.Secrets.Seal(value)
}

// sealToken does for a group's token what sealed does for a document.
func (c *Controller) sealToken(current, next string) (string, error) {
	holding := func(token string) api.Document { return api.Document{}.WithMembership(api.Membership{Token: token}) }
	doc, err := api.KeepSecrets(holding(current), holding(next))
	if err == nil && c.cfg.Secrets != nil {
		doc, err = doc.MapSecrets(c.seal)
	}
	var wrong *api.InvalidError
	if errors.As(err, &wrong) {
		wrong.What = "the change of the group"
	}
	return doc.Text("token"), err
}

// opened is a value in clear.
func (c *Controller) opened(value string) (string, error) {
	if c.cfg.Secrets == nil || !api.IsSealed(value) {
		return value, nil
	}
	return c.cfg.Secrets.Open(value)
}

// openToken is for routes. A token that cannot be opened stays sealed there: it
// must not become "none", and nobody is ever shown what would be let in.
func (c *Controller) openToken(token string) string {
	if value, err := c.opened(token); err == nil {
		return value
	}
	return token
}

// openEnv gives a launch what its replica is to know. The error is an
// *runtime.UnstartableError: trying again opens nothing.
func (c *Controller) openEnv(l runtime.Launch) (runtime.Launch, error) {
	if l.Spec == nil || !slices.ContainsFunc(l.Spec.Container.Env, func(e api.EnvVar) bool { return e.Secret }) {
		return l, nil
	}
	spec := *l.Spec
	spec.Container.Env = slices.Clone(spec.Container.Env)
	for i := range spec.Container.Env {
		e := &spec.Container.Env[i]
		if !e.Secret {
			continue
		}
		value, err := c.opened(e.Value)
		if err != nil {
			return l, &runtime.UnstartableError{Reason: fmt.Sprintf("the secret variable %s cannot be opened: %v", e.Name, err)}
		}
		e.Value = value
	}
	l.Spec = &spec
	return l, nil
}

// launched starts a replica's process with its secrets in clear.
func (c *Controller) launched(l runtime.Launch) (runtime.Handle, error) {
	l, err := c.openEnv(l)
	if err != nil {
		return runtime.Handle{}, err
	}
	return c.cfg.Runtime.Start(c.ctx, l)
}

// leastUnsaid is how long a secret is at least that is looked for in what others
// say: a shorter one would be found in every other word.
const leastUnsaid = 4

// unsaid takes a replica's secrets out of a text about it: the last line of a
// program that complains of its key, a command that the key was put into.
func (s *service) unsaid(r *rollout.Replica, text string) string {
	l, err := s.c.openEnv(s.launchOf(r))
	if err != nil {
		return text // nobody was told them
	}
	return withheld(l, text)
}

// withheld is unsaid for a launch whose secrets are open.
func withheld(l runtime.Launch, text string) string {
	if l.Spec == nil {
		return text
	}
	for _, e := range l.Spec.Container.Env {
		if e.Secret && len(e.Value) >= leastUnsaid {
			text = strings.ReplaceAll(text, e.Value, api.Mask)
		}
	}
	return text
}

// resealing is one look through what is stored.
type resealing struct {
	c    *Controller
	lost map[string]map[string]bool // what cannot be opened: "service a" -> token, containers[0].env[X]
	why  error                      // of one of them
}

// sealStored looks through what was loaded: what an earlier release stored in clear
// is sealed and written back, the old text removed from the store's files; sealed
// values that the key does not open are an error, unless they are to be given up.
// It changes the records it is given.
func (c *Controller) sealStored(ctx context.Context, snapshots []store.Snapshot, groups []store.Group) error {
	if c.cfg.Secrets == nil {
		return nil
	}
	r := &resealing{c: c, lost: map[string]map[string]bool{}}
	var changes []store.Change
	for i := range snapshots {
		change, err := r.snapshot(&snapshots[i])
		if err != nil {
			return err
		}
		if change != nil {
			changes = append(changes, *change)
		}
	}
	for i := range groups {
		g := &groups[i]
		token, err := r.token("group "+g.Name, g.Token)
		if err != nil {
			return err
		}
		if token != g.Token {
			g.Token = token
			changes = append(changes, store.Change{Name: g.Name, Group: g})
		}
	}
	if len(r.lost) > 0 && !c.cfg.GiveUpSecrets {
		return r.error()
	}
	if len(changes) == 0 {
		return nil
	}
	// Scrubbed before, too: a crash after the commit would have the next start find
	// nothing in clear, and leave what was freed by earlier changes where it is.
	if err := c.cfg.Store.Scrub(ctx); err != nil {
		return err
	}
	if _, err := c.cfg.Store.Commit(ctx, changes...); err != nil {
		return err
	}
	return c.cfg.Store.Scrub(ctx)
}

// snapshot seals the records of one service; nil when they are as they should be.
func (r *resealing) snapshot(snap *store.Snapshot) (*store.Change, error) {
	who := "service " + snap.Service.Core.Name
	change := &store.Change{Name: snap.Service.Core.Name}
	config, err := r.config(who, snap.Service.Config)
	if err != nil {
		return nil, err
	}
	token, err := r.token(who, snap.Service.Token)
	if err != nil {
		return nil, err
	}
	if token != snap.Service.Token || !bytes.Equal(config, snap.Service.Config) {
		snap.Service.Config, snap.Service.Token = config, token
		change.Service = &snap.Service
	}
	for i := range snap.Versions {
		v := &snap.Versions[i]
		if config, err = r.config(who, v.Config); err != nil {
			return nil, err
		}
		if !bytes.Equal(config, v.Config) {
			v.Config = config
			change.Versions = append(change.Versions, *v)
		}
	}
	if change.Service == nil && change.Versions == nil {
		return nil, nil
	}
	return change, nil
}

func (r *resealing) config(who string, config []byte) ([]byte, error) {
	if !api.MayHoldSecrets(config) {
		return config, nil
	}
	doc, err := api.ParseDocument(config)
	if err != nil {
		return config, nil // as readDocument takes it
	}
	changed := false
	doc, err = doc.MapSecrets(func(path, value string) (string, error) {
		text, err := r.value(who, path, value)
		changed = changed || text != value
		return text, err
	})
	if err != nil || !changed {
		return config, err
	}
	return doc.JSON(), nil
}

func (r *resealing) token(who, token string) (string, error) {
	if token == "" {
		return "", nil
	}
	return r.value(who, "token", token)
}

// value is a value as it is to be stored.
func (r *resealing) value(who, path, value string) (string, error) {
	if !api.IsSealed(value) {
		return r.c.cfg.Secrets.Seal(value)
	}
	_, err := r.c.cfg.Secrets.Open(value)
	if err == nil || value == api.SealedLost {
		return value, nil
	}
	if r.lost[who] == nil {
		r.lost[who] = map[string]bool{}
	}
	r.lost[who][path], r.why = true, err
	return api.SealedLost, nil
}

func (r *resealing) error() error {
	const most = 20
	var list []string
	for _, who := range slices.Sorted(maps.Keys(r.lost)) {
		list = append(list, who+" ("+strings.Join(slices.Sorted(maps.Keys(r.lost[who])), ", ")+")")
	}
	if more := len(list) - most; more > 0 {
		list = append(list[:most], fmt.Sprintf("and %d more", more))
	}
	return fmt.Errorf("secrets cannot be opened: %w. It concerns %s. Put the key back from a backup of the data directory. If it is lost for good, start the server once with "+
		"--give-up-secrets: these values are gone then; until each is set again, addresses that ask for such a token let nobody in, and new replicas with such a variable do not start",
		r.why, strings.Join(list, ", "))
}
