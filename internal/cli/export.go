package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

func exportCommand(s *session) *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use:   "export NAME [-o FILE]",
		Short: "Write a service with its versions and history as one file",
		Long: `Write a service with its versions and history as one JSON file, for "sluice
import" on another server: configurations, digests of files, who made each version
and why, the update plan, rollouts, and the newest 10000 events.

Files of the versions are not in it, and neither are secrets. It goes to standard
output unless -o names a file, which appears only once it is whole.`,
		Example: "  sluice export sentiment -o sentiment.json\n  sluice export sentiment | sluice --server http://other:7070 import -",
		Args:    takes("NAME"),
	}
	// It takes the place of the flag of every command: an export is JSON.
	cmd.Flags().StringVarP(&path, "output", "o", "-", `the file to write; "-" is standard output`)
	_ = cmd.MarkFlagFilename("output", "json")
	return lookCommand(s, cmd, func(ctx context.Context, c *client.Client, args []string) error {
		e, err := c.Export(ctx, args[0])
		if err != nil {
			return err
		}
		s.output = formatJSON
		text, err := s.encode(e)
		if err != nil {
			return err
		}
		if path == "-" {
			_, err = s.out.Write(text)
			return err
		}
		if err := writeWhole(path, text); err != nil {
			return fmt.Errorf("-o: %w", err)
		}
		fmt.Fprintf(s.err, "%s: %d versions, %d rollouts, %d events of %s\n", path, len(e.Versions), len(e.Rollouts), len(e.Events), args[0])
		return nil
	})
}

// writeWhole writes a file that is there whole or not at all.
func writeWhole(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

func importCommand(s *session) *cobra.Command {
	var name, dir string
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Make a service of an export of another server",
		Long: `Make a service of an export of another server: with the same version numbers, the
same current version and the same history. It is stopped, nothing starts by
itself; "sluice start" brings it up.

Nothing is imported unless all of it can be. What an export leaves out (the group,
the mirror, secrets) is said in warnings, with what to do about it. "-" reads
standard input.`,
		Example: `  sluice import sentiment.json && sluice start sentiment --wait
  sluice import sentiment.json --name copy --working-dir /srv/sentiment`,
		Args: takes("FILE"),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return []string{"json"}, cobra.ShellCompDirectiveFilterFileExt
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "the name it gets; the exported one by default")
	cmd.Flags().StringVar(&dir, "working-dir", "", "the folder on the server's machine that relative paths of all versions are meant from")
	return changeCommand(s, cmd, false, func(ctx context.Context, c *client.Client, args []string, f *changeFlags) error {
		e, err := s.readExport(args[0])
		if err != nil {
			return err
		}
		if dir != "" {
			if dir, err = filepath.Abs(dir); err != nil {
				return err
			}
		}
		answer, err := c.Import(ctx, e, name, dir, client.Because(f.message))
		var problem *client.Problem
		if errors.As(err, &problem) && problem.Code == client.CodeExists {
			if name == "" {
				name = e.Service.Name
			}
			taken := *problem
			taken.Detail, taken.Hint = fmt.Sprintf("service %q exists already", name), "`sluice import --name NAME` imports it under another name"
			return &taken
		}
		if err != nil {
			return err
		}
		return s.finish(ctx, c, f, answer, client.Steady)
	})
}

func (s *session) readExport(path string) (e api.Export, err error) {
	in := s.in
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return e, &usageError{err}
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, 64<<20))
	if err != nil {
		return e, Usagef("%s: %w", path, err)
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return e, Usagef("%s is no export: %w; `sluice export NAME` writes one", path, err)
	}
	return e, nil
}
