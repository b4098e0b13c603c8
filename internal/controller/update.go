package controller

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
)

// Create makes a service and its first version.
func (c *Controller) Create(ctx context.Context, by By, doc api.Document) (Outcome, error) {
	given := doc
	doc, err := api.Merge(api.Document{}, given)
	if err != nil {
		if _, all := api.Parse(given); all != nil {
			return Outcome{}, all // what is wrong in its values too
		}
		return Outcome{}, err
	}
	if doc, err = c.placed(doc); err != nil {
		return Outcome{}, err
	}
	spec, err := api.Parse(doc)
	if err != nil {
		return Outcome{}, err
	}
	if err := c.fits(spec); err != nil {
		return Outcome{}, err
	}
	if err := c.mayJoin(spec.Group); err != nil {
		return Outcome{}, err
	}
	s, err := c.reserve(spec.Name)
	if err != nil {
		return Outcome{}, err
	}
	defer s.mu.Unlock()
	s.state.Now = s.record.CreatedAt
	s.put(doc)
	s.join(spec)
	op := operation{text: "version 1 starts", warnings: c.warnings(doc, spec)}
	op.version = s.newVersion(1, by, doc, spec)
	s.state.Begun(spec.Name, spec.Instance, s.strategy(spec), rollout.Target{Version: 1, Revision: op.version.Revision}, by.Actor)
	if err := s.keep(by, "Created", &op); err != nil {
		s.closed.Store(true)
		c.drop(spec.Name)
		return Outcome{}, err
	}
	wait, err := s.belong(by, "", doc)
	if err != nil {
		op.warnings = append(op.warnings, "the service is made, and could not be put into its group: "+err.Error())
	}
	s.take()
	s.kick()
	c.hash(s, 1)
	if err := c.reached(ctx, wait); err != nil {
		return Outcome{}, err
	}
	return Outcome{Service: s.view(), Changed: true, Text: op.text, Warnings: op.warnings}, nil
}

// reserve makes an empty service of the name, its lock held, so that two
// creations of one name cannot both succeed.
func (c *Controller) reserve(name string) (*service, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.services[name] != nil:
		return nil, &ExistsError{Name: name}
	case c.groups[name] != nil:
		return nil, &rollout.Refusal{Message: "there is a group of the name " + name, Hint: "services and groups share one namespace; choose another name for the service"}
	}
	s := c.newService(store.Service{Core: rollout.Service{Name: name}, CreatedAt: c.now()})
	s.mu.Lock()
	c.services[name] = s
	return s, nil
}

func (c *Controller) drop(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.services, name)
}

// placed gives the document a working directory, so that relative paths go on
// to mean the same wherever the server is started next.
func (c *Controller) placed(doc api.Document) (api.Document, error) {
	if _, has := doc.Lookup("containers[0]"); !has || doc.Text("containers[0].working_dir") != "" || c.cfg.Dir == "" {
		return doc, nil
	}
	return api.Set(doc, "containers[0].working_dir="+c.cfg.Dir)
}

// Update lays a document over the configuration in force, or replaces it (rule
// 27), and does what the changed keys ask for (rule 5): a scale, a change of
// membership, a live change or a rollout.
func (c *Controller) Update(ctx context.Context, by By, name string, doc api.Document, replace bool) (Outcome, error) {
	out, err := c.alter(ctx, by, name, "Updated", func(s *service, op *operation) error {
		return s.update(by, op, doc, replace)
	})
	if err == nil {
		c.hashLatest(name, out)
	}
	return out, err
}

// hashLatest has the version that an update made hashed.
func (c *Controller) hashLatest(name string, out Outcome) {
	if s, err := c.find(name); err == nil && out.Changed {
		c.hash(s, out.Service.LatestVersion)
	}
}

func (s *service) update(by By, op *operation, patch api.Document, replace bool) error {
	merge := api.Merge
	if replace {
		merge = api.Replace
	}
	current := s.current()
	next, err := merge(current, patch)
	if err != nil {
		return err
	}
	if next, err = s.c.placed(next); err != nil {
		return err
	}
	spec, err := api.Parse(next)
	if err != nil {
		return err
	}
	op.warnings = s.c.warnings(next, spec)
	if err := s.c.mayJoin(spec.Group); err != nil {
		return err
	}
	changes := api.Changes(current, next)
	files := s.changedFiles()
	if changes.Empty() && len(files) == 0 {
		op.unchanged, op.text = true, fmt.Sprintf("nothing to change: version %d is this configuration already", s.state.Service.Current.Version)
		return nil
	}
	if err := s.c.fits(spec); err != nil {
		return err
	}
	versioned := changes.Versioned() || len(files) > 0
	op.traffic = changes.Membership
	op.text = "membership changed"
	if changes.Scale && spec.Instance != s.state.Service.Desired {
		if err := s.scale(op, next, spec.Instance); err != nil {
			return err
		}
	}
	s.put(next)
	if was := s.record.Group; changes.Membership {
		op.after = func() (uint64, error) { return s.belong(by, was, next) }
	}
	s.join(spec)
	s.state.Service.Strategy = s.strategy(spec)
	if versioned {
		s.release(by, op, next, spec)
	}
	return nil
}

// release makes a version of the document and rolls it out.
func (s *service) release(by By, op *operation, doc api.Document, spec *api.Spec) {
	number := s.state.Service.Latest + 1
	from := s.state.Service.Current
	op.version = s.newVersion(number, by, doc, spec)
	to := rollout.Target{Version: number, Revision: op.version.Revision}
	op.ended = s.state.Update(to, by.Actor)
	switch {
	case s.state.Service.Stopped:
		op.text = fmt.Sprintf("version %d is recorded; `sluice start %s` starts it", number, s.name())
	case to.Revision == from.Revision:
		op.text = fmt.Sprintf("version %d is in force; nothing has to be replaced for it", number)
	default:
		op.text = fmt.Sprintf("version %d rolls out", number)
	}
	if ro := s.state.Service.Rollout; ro.Phase == api.RolloutCompleted && ro.To == to {
		op.version.Completed = true
	}
}

// strategy is the file's rolling strategy with the defaults of its resource
// group. One that the server's configuration does not name counts as dedicated.
func (s *service) strategy(spec *api.Spec) rollout.Strategy {
	g, ok := s.c.cfg.Resources[spec.Resource]
	if !ok {
		g.Kind = rollout.Public
		if spec.Resource != "" {
			g.Kind = rollout.Dedicated
		}
	}
	return rollout.Defaults(spec.Strategy, g.Kind, g.Elastic)
}

func (s *service) join(spec *api.Spec) {
	s.record.Group, s.record.Token = spec.Group, spec.Token
	s.record.Warnings = s.c.warnings(s.doc, spec)
}

// warnings are those about a service file by itself and those about what cannot
// be done of it where replicas run.
func (c *Controller) warnings(doc api.Document, spec *api.Spec) []string {
	list := api.Warnings(doc)
	if c.cfg.Warn != nil {
		list = append(list, c.cfg.Warn(spec)...)
	}
	return list
}

// newVersion makes the snapshot. Its Revision is a digest of the replica keys
// and of the files' state: versions that are equal in both are one.
func (s *service) newVersion(number int, by By, doc api.Document, spec *api.Spec) *store.Version {
	config := api.SnapshotConfig(doc)
	digests := s.c.cfg.Content.Digests(api.Files(spec))
	sum := sha256.New()
	sum.Write(api.ReplicaKeys(doc))
	for _, d := range digests {
		fmt.Fprintf(sum, "\x00%s\x00%s", d.Path, d.Stat)
	}
	return &store.Version{
		Version: api.Version{
			Number: number, Creator: by.Actor, CreatedAt: api.At(s.state.Now), Message: by.Message,
			Config: config.JSON(), Digests: digests,
		},
		Revision: hex.EncodeToString(sum.Sum(nil)),
	}
}

// changedFiles are the files of the current version whose state is not the
// recorded one any more.
func (s *service) changedFiles() []string {
	v := s.version(s.state.Service.Current.Version)
	if v == nil {
		return nil
	}
	var changed []string
	for _, d := range v.Digests {
		if now, _ := s.c.cfg.Content.Compare(s.c.ctx, d, false); now != history.Same {
			changed = append(changed, d.Path)
		}
	}
	return changed
}

// hash fills in the content digests of a version, in its own time.
func (c *Controller) hash(s *service, number int) {
	c.schedule.Go(func() {
		s.mu.Lock()
		v := s.version(number)
		if v == nil || len(v.Digests) == 0 || v.Digests[0].SHA256 != "" {
			s.mu.Unlock()
			return
		}
		digests := v.Digests
		s.mu.Unlock()
		hashed, err := c.cfg.Content.Hash(c.ctx, digests)
		if err != nil {
			return // the files went away meanwhile; the state recorded at once stays
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if v := s.version(number); v != nil && !s.closed.Load() {
			record := v.Version
			record.Digests = hashed
			if err := s.commit(change{store.Change{Name: s.name(), Versions: []store.Version{record}}}); err != nil {
				s.troubled(err)
			}
		}
	})
}
