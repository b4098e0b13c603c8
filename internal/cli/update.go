package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

const aboutFiles = `A service file is JSON or YAML; "-" reads it from standard input. Relative paths
in it are meant from its own folder.`

func fileFlag(cmd *cobra.Command, path *string, usage string) {
	cmd.Flags().StringVarP(path, "file", "f", "", usage)
	_ = cmd.MarkFlagFilename("file", "json", "yaml", "yml")
}

func createCommand(s *session) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "create -f FILE",
		Short: "Create a service from a service file",
		Long: `Create a service from a service file and start its replicas.

` + aboutFiles,
		Example:           "  sluice create -f service.yaml --wait",
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	fileFlag(cmd, &path, "the service file")
	return changeCommand(s, cmd, true, func(ctx context.Context, c *client.Client, _ []string, f *changeFlags) error {
		file, doc, err := s.readWhole(path)
		if err != nil {
			return err
		}
		answer, err := c.Create(ctx, doc, client.Because(f.message))
		if err != nil {
			return file.blame(err)
		}
		return s.finish(ctx, c, f, answer, client.Rolled)
	})
}

func applyCommand(s *session) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Make a service what the file says",
		Long: `Make a service what the file says: it is created, or the file replaces the one
in force. Applying the same file again changes nothing and ends with exit code 0.

The number of replicas, the group and the token stay as they are where the file
does not name them.

` + aboutFiles,
		Example:           "  sluice apply -f service.yaml -m \"$(git log -1 --format=%s)\" --wait",
		Args:              takes(),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	fileFlag(cmd, &path, "the service file")
	return changeCommand(s, cmd, true, func(ctx context.Context, c *client.Client, _ []string, f *changeFlags) error {
		file, doc, err := s.readWhole(path)
		if err != nil {
			return err
		}
		if doc.Name() == "" {
			_, err := api.Parse(doc)
			return file.blame(err)
		}
		answer, err := c.Apply(ctx, doc, client.Because(f.message))
		if err != nil {
			return file.blame(err)
		}
		return s.finish(ctx, c, f, answer, client.Rolled)
	})
}

// readWhole reads a file that is the whole configuration.
func (s *session) readWhole(path string) (*serviceFile, api.Document, error) {
	if path == "" {
		return nil, api.Document{}, Usagef("-f FILE is missing")
	}
	file, err := s.readFile(path)
	if err != nil {
		return nil, api.Document{}, err
	}
	doc, err := file.whole()
	return file, doc, err
}

// update is what `sluice update` was given.
type update struct {
	path    string
	sets    []string
	replace bool
	file    *serviceFile // nil without -f
}

func updateCommand(s *session) *cobra.Command {
	u := update{}
	cmd := &cobra.Command{
		Use:   "update NAME [-f FILE] [--set PATH=VALUE]...",
		Short: "Change a service",
		Long: `Change a service: make a version and roll it out, as far as the change needs it.

A file is laid over the configuration in force: objects merge, lists are
replaced, null removes. With --replace it is the whole configuration instead.
--set changes single values, elements of lists too, after the file if there is
one: containers[0].env[LOG_LEVEL]=debug sets a variable, =null removes it.

With neither, a version is made if the content of a file has changed that the
service refers to, such as its model: what is there now is rolled out.

With --set the change is made for the configuration that was read; if somebody
else changes the service in between, it is made once more for the new one.`,
		Example: `  sluice update sentiment --set model_path=models/v2 -m "better model" --wait
  sluice update sentiment -f change.yaml
  sluice update sentiment -f service.yaml --replace
  sluice update sentiment -m "the model was overwritten"`,
		Args: takes("NAME"),
	}
	u.flags(cmd)
	return changeCommand(s, cmd, true, func(ctx context.Context, c *client.Client, args []string, f *changeFlags) error {
		answer, err := u.run(ctx, s, c, args[0], f)
		if err != nil {
			return u.blame(err)
		}
		return s.finish(ctx, c, f, answer, client.Rolled)
	})
}

// flags are what it is given by.
func (u *update) flags(cmd *cobra.Command) {
	fileFlag(cmd, &u.path, "a service file, or the part of one that changes")
	cmd.Flags().StringArrayVar(&u.sets, "set", nil, "set one value, PATH=VALUE; may be given more than once")
	cmd.Flags().BoolVar(&u.replace, "replace", false, "take the file as the whole configuration")
}

// read reads the file if there is one.
func (u *update) read(s *session) (err error) {
	switch {
	case u.path == "" && u.replace:
		return Usagef("--replace takes the file as the whole: -f FILE is missing")
	case u.path == "":
		return nil
	}
	if u.file, err = s.readFile(u.path); err == nil && u.replace {
		u.file.doc, err = u.file.whole()
	}
	return err
}

// document is what the file says; without one nothing is named, and the content
// of the files that the service refers to is all that may have changed.
func (u *update) document() api.Document {
	if u.file == nil {
		return api.Document{}
	}
	return u.file.doc
}

func (u *update) how() client.UpdateType {
	if u.replace {
		return client.Replace
	}
	return client.Merge
}

// blame names the file in an error about what stands in it.
func (u *update) blame(err error) error {
	if u.file == nil {
		return err
	}
	return u.file.blame(err)
}

func (u *update) run(ctx context.Context, s *session, c *client.Client, name string, f *changeFlags) (client.Answer, error) {
	if err := u.read(s); err != nil {
		return client.Answer{}, err
	}
	why := client.Because(f.message)
	if len(u.sets) == 0 {
		return c.Update(ctx, name, u.document(), u.how(), why)
	}
	answer, err := u.setAndSend(ctx, c, name, why)
	var problem *client.Problem
	if errors.As(err, &problem) && problem.Code == client.CodeStale {
		return u.setAndSend(ctx, c, name, why)
	}
	return answer, err
}

// setAndSend makes the whole configuration here and sends it for the revision it
// was made from.
func (u *update) setAndSend(ctx context.Context, c *client.Client, name string, why client.Option) (client.Answer, error) {
	doc, revision, err := u.set(ctx, c, name)
	if err != nil {
		return client.Answer{}, err
	}
	return c.Update(ctx, name, doc, client.Replace, why, client.IfRevision(revision))
}

// set makes the whole configuration, because an update by merging could not reach
// into lists. The revision is the one it was made from.
func (u *update) set(ctx context.Context, c *client.Client, name string) (doc api.Document, revision uint64, err error) {
	service, err := c.Service(ctx, name)
	if err != nil {
		return doc, 0, err
	}
	if doc, err = api.ParseDocument(service.Config); err != nil {
		return doc, 0, err
	}
	switch {
	case u.file != nil && u.replace:
		doc = u.file.doc
	case u.file != nil:
		if doc, err = api.Merge(doc, u.file.doc); err != nil {
			return doc, 0, err
		}
	}
	for _, set := range u.sets {
		if doc, err = api.Set(doc, set); err != nil {
			return doc, 0, &usageError{err}
		}
	}
	return doc, service.Revision, nil
}
