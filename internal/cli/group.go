package cli

import (
	"context"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

func groupsCommand(s *session) *cobra.Command {
	return lookCommand(s, &cobra.Command{
		Use:   "groups",
		Short: "List all groups of services",
		Long: `List all groups of services: the services that share an address, and how its
requests are divided among them.`,
		Example: "  sluice groups",
		Args:    takes(),
	}, func(ctx context.Context, c *client.Client, _ []string) error {
		list, err := c.Groups(ctx)
		if err != nil {
			return err
		}
		return s.show(struct {
			Groups []api.Group `json:"groups"`
		}{list}, func(w io.Writer) {
			rows := [][]string{{"NAME", "MODE", "MEMBERS", "ENDPOINT"}}
			for _, g := range list {
				rows = append(rows, []string{g.Name, string(g.TrafficMode), membersOf(&g), g.Endpoint})
			}
			table(w, rows...)
		})
	})
}

func membersOf(g *api.Group) string {
	words := make([]string, len(g.Members))
	for i, m := range g.Members {
		words[i] = m.Service + " " + percent(m.Share)
		if m.State == api.StateStandalone {
			words[i] = m.Service + " " + string(m.State)
		}
	}
	return strings.Join(words, ", ")
}

func percent(share float64) string {
	return strconv.FormatFloat(math.Round(1000*share)/10, 'f', -1, 64) + "%"
}

func groupCommand(s *session) *cobra.Command {
	cmd := lookCommand(s, &cobra.Command{
		Use:   "group NAME",
		Short: "Show a group of services, or change it",
		Long: `Show a group of services: each member's state, weight and share, as set and as
measured in the last minute.

A service joins a group by metadata.group in its service file; the group goes with
its last member. The group's address never changes, and each member keeps its own.`,
		Example: "  sluice group sentiment-prod\n  sluice group set sentiment-prod --mode customized",
		Args:    takes("NAME"),
	}, func(ctx context.Context, c *client.Client, args []string) error {
		g, err := c.Group(ctx, args[0])
		if err != nil {
			return err
		}
		return s.show(g, func(w io.Writer) { describeGroup(w, &g) })
	})
	cmd.ValidArgsFunction = s.completeGroup
	cmd.AddCommand(groupCreateCommand(s), groupSetCommand(s), groupDeleteCommand(s))
	return cmd
}

func describeGroup(w io.Writer, g *api.Group) {
	rows := [][2]string{{"Name", g.Name}, {"Endpoint", g.Endpoint}, {"Mode", string(g.TrafficMode)}}
	if g.Message != "" {
		rows = append(rows, [2]string{"Message", oneLine(g.Message)})
	}
	if g.Shift != nil {
		rows = append(rows, [2]string{"Shift", shiftLine(g.Shift)})
	}
	if g.Promotion != nil {
		rows = append(rows, [2]string{"Promotion", promotionLine(g.Promotion)})
	}
	rows = append(rows, frozenRows(g.Frozen)...)
	pairs(w, append(rows, [2]string{"Created", when(g.CreatedAt)}, [2]string{"Revision", strconv.FormatUint(g.Revision, 10)}))
	if len(g.Members) > 0 {
		fmt.Fprintln(w)
		rows := [][]string{{"MEMBER", "STATE", "WEIGHT", "SHARE", "MEASURED", "READY"}}
		for _, m := range g.Members {
			measured, weight := "-", "-"
			if m.Measured != nil {
				measured = percent(*m.Measured)
			}
			if m.Weight >= 0 {
				weight = strconv.Itoa(m.Weight)
			}
			rows = append(rows, []string{m.Service, string(m.State), weight, percent(m.Share), measured, fmt.Sprintf("%d of %d", m.Ready, m.Desired)})
		}
		table(w, rows...)
	}
	for i, r := range g.Rules {
		if i == 0 {
			fmt.Fprintln(w, "\nRules, the first that matches counts")
		}
		fmt.Fprintf(w, "  %s\n", ruleLine(r))
	}
}

func ruleLine(r api.TrafficRule) string {
	what := "header " + r.Header
	switch {
	case r.Cookie != "":
		what = "cookie " + r.Cookie
	case r.Query != "":
		what = "query parameter " + r.Query
	}
	switch {
	case r.Percent > 0:
		return fmt.Sprintf("%g%% of the users by %s go to %s", r.Percent, what, r.Service)
	case r.Equals != "":
		what += fmt.Sprintf(" equal to %q", r.Equals)
	case r.Matches != "":
		what += fmt.Sprintf(" matching %q", r.Matches)
	}
	return "with " + what + " to " + r.Service
}

// completeGroup gives the names of groups to a shell that completes.
func (s *session) completeGroup(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return s.complete(cmd, args, func(ctx context.Context, c *client.Client) (names []string, err error) {
		list, err := c.Groups(ctx)
		for _, g := range list {
			names = append(names, g.Name+"\t"+membersOf(&g))
		}
		return names, err
	})
}

// groupChange makes a command that changes a group.
func groupChange(s *session, cmd *cobra.Command, do func(ctx context.Context, c *client.Client, name string, because client.Option) error) *cobra.Command {
	cmd.Args, cmd.ValidArgsFunction = takes("NAME"), s.completeGroup
	cmd = changeCommand(s, cmd, false, func(ctx context.Context, c *client.Client, args []string, f *changeFlags) error {
		return do(ctx, c, args[0], client.Because(f.message))
	})
	cmd.GroupID = ""
	return cmd
}

func (s *session) showGroup(g api.Group, err error) error {
	if err != nil {
		return err
	}
	return s.show(g, func(w io.Writer) {
		fmt.Fprintf(w, "group %s: traffic mode %s; %s\n", g.Name, g.TrafficMode, membersOf(&g))
	})
}

func groupCreateCommand(s *session) *cobra.Command {
	return groupChange(s, &cobra.Command{
		Use:   "create NAME",
		Short: "Make a group that stays without members",
		Long: `Make a group that stays without members. It is not needed before a service names
the group: that makes it too.`,
		Example: "  sluice group create sentiment-prod",
	}, func(ctx context.Context, c *client.Client, name string, because client.Option) error {
		return s.showGroup(c.CreateGroup(ctx, name, because))
	})
}

func groupSetCommand(s *session) *cobra.Command {
	var mode, file string
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Change how a group divides its requests",
		Long: `Change how a group divides its requests.

--mode auto divides by replicas, customized by weight ("sluice release" sets
them). Switching to customized writes weights in exactly the present proportion,
so that it moves no traffic. --file gives the same as JSON or YAML, and rules that
aim requests at a member past the split; the first that matches counts:

  rules:
    - {header: X-Canary, equals: always, service: sentiment-next}
    - {cookie: user, percent: 10, service: sentiment-next}`,
		Example: "  sluice group set sentiment-prod --mode customized\n  sluice group set sentiment-prod -f rules.yaml",
	}
	cmd.Flags().StringVar(&mode, "mode", "", "auto or customized")
	cmd.Flags().StringVarP(&file, "file", "f", "", "the change as JSON or YAML, - for standard input")
	_ = cmd.RegisterFlagCompletionFunc("mode", cobra.FixedCompletions([]string{"auto", "customized"}, cobra.ShellCompDirectiveNoFileComp))
	return groupChange(s, cmd, func(ctx context.Context, c *client.Client, name string, because client.Option) error {
		ch := api.GroupChange{}
		if file != "" {
			data, err := s.readAll(file)
			if err != nil {
				return err
			}
			if ch, err = api.ParseGroupChange(data); err != nil {
				return Usagef("%s: %v", file, err)
			}
		}
		if mode != "" {
			m := api.TrafficMode(mode)
			ch.TrafficMode = &m
		}
		if ch == (api.GroupChange{}) {
			return Usagef("nothing is given; --mode or --file is needed")
		}
		if err := ch.Check(); err != nil {
			return Usagef("%v", err)
		}
		return s.showGroup(c.ChangeGroup(ctx, name, ch, because))
	})
}

func groupDeleteCommand(s *session) *cobra.Command {
	var yes, cascade bool
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a group's address",
		Long: `Delete a group's address: who calls it gets 404. Its members go on by themselves
at their own addresses, or, with --cascade, are deleted too. --yes is needed.`,
		Example: "  sluice group delete sentiment-prod --yes",
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	cmd.Flags().BoolVar(&cascade, "cascade", false, "delete its members too")
	return groupChange(s, cmd, func(ctx context.Context, c *client.Client, name string, because client.Option) error {
		if !yes {
			return Usagef("group delete %s: --yes is missing; callers of the group's address get 404 afterwards", name)
		}
		if err := c.DeleteGroup(ctx, name, cascade, because); err != nil {
			return err
		}
		fmt.Fprintf(s.err, "group %s is deleted\n", name)
		return nil
	})
}

func releaseCommand(s *session) *cobra.Command {
	var weight int
	var state string
	cmd := &cobra.Command{
		Use:   "release NAME",
		Short: "Set a service's part in its group's traffic",
		Long: `Set a service's part in its group's traffic: its weight, which counts in mode
customized, and whether it takes its share (grouping) or none (standalone). Both
are in force at every gateway when the command returns. Its own address serves on
whatever is set.`,
		Example: "  sluice release sentiment-next --state grouping --weight 10",
		Args:    takes("NAME"),
	}
	f := cmd.Flags()
	f.IntVar(&weight, "weight", 0, "0 to 1000; -1 for none")
	f.StringVar(&state, "state", "", "grouping or standalone")
	_ = cmd.RegisterFlagCompletionFunc("state", cobra.FixedCompletions([]string{"grouping", "standalone"}, cobra.ShellCompDirectiveNoFileComp))
	return changeCommand(s, cmd, false, func(ctx context.Context, c *client.Client, args []string, flags *changeFlags) error {
		r := api.Release{}
		if f.Changed("weight") {
			r.Weight = &weight
		}
		if f.Changed("state") {
			to := api.TrafficState(state)
			r.TrafficState = &to
		}
		if err := r.Check(); err != nil {
			return Usagef("%v", err)
		}
		answer, err := c.Release(ctx, args[0], r, client.Because(flags.message))
		if err != nil {
			return err
		}
		return s.finish(ctx, c, flags, answer, client.Steady)
	})
}

// readAll reads a file, or standard input for -.
func (s *session) readAll(name string) (data []byte, err error) {
	if name == "-" {
		data, err = io.ReadAll(s.in)
	} else {
		data, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, Usagef("--file: %v", err)
	}
	return data, nil
}
