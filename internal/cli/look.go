package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

// lookCommand makes a command that changes nothing.
func lookCommand(s *session, cmd *cobra.Command, do func(ctx context.Context, c *client.Client, args []string) error) *cobra.Command {
	cmd.GroupID = "look"
	cmd.ValidArgsFunction = s.completeService
	cmd.RunE = action(func(ctx context.Context, _ *cobra.Command, args []string) error {
		c, err := s.connect()
		if err != nil {
			return err
		}
		return s.withToken(do(ctx, c, args))
	})
	return cmd
}

// withToken adds to a refused token where one would have been found.
func (s *session) withToken(err error) error {
	var problem *client.Problem
	if errors.As(err, &problem) && problem.Code == client.CodeUnauthorized {
		data := s.data
		if data == "" {
			data = DefaultDataDir()
		}
		refused := *problem
		refused.Hint = "use --token, $SLUICE_TOKEN, or --data with the server's data directory (" + TokenFile(data) + " was looked at last)"
		return &refused
	}
	return err
}

// whole reads a whole number that is an argument.
func whole(what, text string, least int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < least {
		return 0, Usagef("%s: %q: a whole number from %d is allowed", what, text, least)
	}
	return n, nil
}

func listCommand(s *session) *cobra.Command {
	return lookCommand(s, &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List all services",
		Long: `List all services: how each one is, how many replicas are ready of those
desired, and the version it is meant to run.`,
		Example: "  sluice list\n  sluice list -o json",
		Args:    takes(),
	}, func(ctx context.Context, c *client.Client, _ []string) error {
		list, err := c.Services(ctx)
		if err != nil {
			return err
		}
		if len(list) == 0 && s.output == formatTable {
			fmt.Fprintln(s.err, "there is no service; `sluice create -f FILE` makes one")
			return nil
		}
		return s.show(struct {
			Services []api.Service `json:"services"`
		}{list}, func(w io.Writer) {
			rows := [][]string{{"NAME", "STATUS", "READY", "VERSION", "AGE", "ENDPOINT", "MESSAGE"}}
			for _, v := range list {
				rows = append(rows, []string{v.Name, string(v.Status), fmt.Sprintf("%d/%d", v.Replicas.Ready, v.Replicas.Desired),
					strconv.Itoa(v.CurrentVersion), age(v.CreatedAt.Time), v.Endpoint, v.Message})
			}
			table(w, rows...)
		})
	})
}

func replicasCommand(s *session) *cobra.Command {
	return lookCommand(s, &cobra.Command{
		Use:   "replicas NAME",
		Short: "List the replicas of a service",
		Long: `List the replicas of a service, also those that are ending and failed ones,
which are kept until a resume, a rollback or an update.`,
		Example: "  sluice replicas sentiment",
		Args:    takes("NAME"),
	}, func(ctx context.Context, c *client.Client, args []string) error {
		list, err := c.Replicas(ctx, args[0])
		if err != nil {
			return err
		}
		return s.show(struct {
			Replicas []api.Replica `json:"replicas"`
		}{list}, func(w io.Writer) { replicaTable(w, list) })
	})
}

func replicaTable(w io.Writer, list []api.Replica) {
	rows := [][]string{{"ID", "VERSION", "PHASE", "IN FLIGHT", "RESTARTS", "ADDRESS", "PID", "AGE", "REASON"}}
	for _, v := range list {
		pid := ""
		if v.Pid != 0 {
			pid = strconv.Itoa(v.Pid)
		}
		rows = append(rows, []string{v.ID, strconv.Itoa(v.Version), string(v.Phase), strconv.Itoa(v.InFlight), strconv.Itoa(v.Restarts),
			v.Address, pid, ageOf(v.StartedAt), v.Reason})
	}
	table(w, rows...)
}

func statusCommand(s *session) *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:   "status NAME",
		Short: "Say in one line how a service is",
		Long: `Say in one line how a service is, and what it waits for.

--watch goes on, with a line whenever that changes, until Ctrl-C or until the
service is deleted.`,
		Example: "  sluice status sentiment --watch",
		Args:    takes("NAME"),
	}
	cmd.Flags().BoolVar(&watch, "watch", false, "go on as it changes")
	return lookCommand(s, cmd, func(ctx context.Context, c *client.Client, args []string) error {
		service, err := c.Service(ctx, args[0])
		if err != nil {
			return err
		}
		if !watch {
			return s.show(service, func(w io.Writer) { fmt.Fprintln(w, service.Name+" is "+summary(&service)) })
		}
		return s.watchStatus(ctx, c, args[0])
	})
}

func (s *session) watchStatus(ctx context.Context, c *client.Client, name string) error {
	last := ""
	for news, err := range c.Watch(ctx, client.WatchOptions{Service: name}) {
		if err != nil {
			if refused(err) {
				return err
			}
			fmt.Fprintln(s.err, err.Error()+"; trying again")
			continue
		}
		service := news.Service
		if i := slices.IndexFunc(news.Resync, func(v api.Service) bool { return v.Name == name }); i >= 0 {
			service = &news.Resync[i]
		}
		if news.Deleted != "" || news.Resync != nil && service == nil {
			fmt.Fprintf(s.err, "service %s is deleted\n", name)
			return nil
		}
		if service == nil || summary(service) == last && s.output == formatTable {
			continue
		}
		last = summary(service)
		if err := s.item(service, func(w io.Writer) {
			fmt.Fprintf(w, "%s  %s is %s\n", time.Now().Format(time.TimeOnly), name, last)
		}); err != nil {
			return err
		}
	}
	return nil
}

// refused tells a watch that the server has refused from one that is broken.
func refused(err error) bool {
	var problem *client.Problem
	return errors.As(err, &problem) && problem.Status < 500
}
