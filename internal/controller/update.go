package controller

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"sluice.dev/sluice/api"
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
	doc, spec, err := c.sealed(api.Document{}, doc)
	if err != nil {
		return Outcome{}, err
	}
	if err := c.fits(spec); err != nil {
		return Outcome{}, err
	}
	if err := c.mayJoin(spec.Group); err != nil {
		return Outcome{}, err
	}
	if err := c.available(spec.Name); err != nil {
		return Outcome{}, err
	}
	files, err := c.prepareFiles(ctx, doc)
	if err != nil {
		return Outcome{}, err
	}
	defer files.done(c)
	s, err := c.reserve(spec.Name)
	if err != nil {
		return Outcome{}, err
	}
	out, wait, err := s.create(by, doc, spec, files)
	s.mu.Unlock()
	if err != nil {
		return Outcome{}, err
	}
	await(ctx, c.retain(s, 1))
	return out, c.reached(ctx, wait)
}

// create makes the record of a service that has been reserved, and its first
// version.
func (s *service) create(by By, doc api.Document, spec *api.Spec, files prepared) (out Outcome, wait uint64, err error) {
	c := s.c
	s.state.Now = s.record.CreatedAt
	s.put(doc)
	s.join(spec)
	op := operation{text: "version 1 starts", warnings: c.warnings(doc, spec)}
	op.version = s.newVersion(1, by, doc, files.digests)
	s.state.Begun(spec.Name, spec.Instance, s.strategy(spec), rollout.Target{Version: 1, Revision: op.version.Revision}, by.Actor)
	if err := s.keep(by, "Created", &op); err != nil {
		s.closed.Store(true)
		c.drop(spec.Name)
		return Outcome{}, 0, err
	}
	wait, err = s.belong(by, "", doc)
	if err != nil {
		op.warnings = append(op.warnings, "the service is made, and could not be put into its group: "+err.Error())
	}
	s.take()
	s.kick()
	return Outcome{Service: s.view(), Changed: true, Text: op.text, Warnings: op.warnings}, wait, nil
}

// reserve makes an empty service of the name, its lock held, so that two
// creations of one name cannot both succeed.
func (c *Controller) reserve(name string) (*service, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.free(name); err != nil {
		return nil, err
	}
	s := c.newService(store.Service{Core: rollout.Service{Name: name}, CreatedAt: c.now()})
	s.mu.Lock()
	c.services[name] = s
	return s, nil
}

// available refuses a name that is taken.
func (c *Controller) available(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.free(name)
}

// free is available for who holds mu.
func (c *Controller) free(name string) error {
	switch {
	case c.services[name] != nil:
		return &ExistsError{Name: name}
	case c.groups[name] != nil:
		return &rollout.Refusal{Message: "there is a group of the name " + name, Hint: "services and groups share one namespace; choose another name for the service"}
	}
	return nil
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
	files, err := c.prepare(ctx, name, doc, replace)
	if err != nil {
		return Outcome{}, err
	}
	defer files.done(c)
	out, err := c.alter(ctx, by, name, "Updated", func(s *service, op *operation) error {
		return s.update(by, op, doc, replace, files)
	})
	if err == nil {
		c.retainLatest(ctx, name, out)
	}
	return out, err
}

// retainLatest has the files of the version kept that an update made.
func (c *Controller) retainLatest(ctx context.Context, name string, out Outcome) {
	if s, err := c.find(name); err == nil && out.Changed {
		await(ctx, c.retain(s, out.Service.LatestVersion))
	}
}

func (s *service) update(by By, op *operation, patch api.Document, replace bool, files prepared) error {
	current := s.current()
	next, err := s.merged(patch, replace)
	if err != nil {
		return err
	}
	next, spec, err := s.c.sealed(current, next)
	if err != nil {
		return err
	}
	op.warnings = s.c.warnings(next, spec)
	if err := s.c.mayJoin(spec.Group); err != nil {
		return err
	}
	changes := api.Changes(current, next)
	digests, err := files.digestsOf(s.c, spec)
	if err != nil {
		return err
	}
	op.files = changedFiles(s.version(s.state.Service.Current.Version), digests, api.Files(spec))
	if changes.Empty() && len(op.files) == 0 {
		op.unchanged, op.text = true, fmt.Sprintf("nothing to change: version %d is this configuration already", s.state.Service.Current.Version)
		return nil
	}
	if err := s.c.fits(spec); err != nil {
		return err
	}
	versioned := changes.Versioned() || len(op.files) > 0
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
		s.release(by, op, next, digests, changes.Replica)
	}
	return nil
}

// release makes a version of the document and rolls it out. Without a changed
// replica key or file it is one with the version before, also where an earlier
// release computed that one's revision of other text: of a secret in clear.
func (s *service) release(by By, op *operation, doc api.Document, digests []api.Digest, replica bool) {
	number := s.state.Service.Latest + 1
	from := s.state.Service.Current
	op.version = s.newVersion(number, by, doc, digests)
	if !replica && len(op.files) == 0 {
		op.version.Revision = from.Revision
	}
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
func (s *service) newVersion(number int, by By, doc api.Document, digests []api.Digest) *store.Version {
	config := api.SnapshotConfig(doc)
	sum := sha256.New()
	sum.Write(api.ReplicaKeys(doc))
	for _, d := range digests {
		if d.Kind == api.FileImage {
			continue // its reference is a replica key; what it means comes later
		}
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
