package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
)

func tokenCommand(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Say who may do what",
		Long: `Make, list and revoke the tokens that the API takes. Each has a name, which is
recorded with everything that is done with it, and a role:

  viewer    looks at everything but tokens
  operator  also changes what runs: create, update, rollback, scale, restart...
  admin     also deletes services and manages tokens

It needs a token of role admin: the one in admin.token in the server's data
directory, which is used unless told otherwise, or another.`,
		Example: "  sluice token create ci --role operator\n  sluice token list\n  sluice token revoke ci",
		GroupID: "access",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q; create, list and revoke are allowed", args[0])
			}
			return fmt.Errorf("create, list or revoke is missing")
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // Args lets nothing through
	}
	cmd.AddCommand(tokenCreateCommand(s), tokenListCommand(s), tokenRevokeCommand(s))
	return cmd
}

// accessCommand makes a command that is about tokens.
func accessCommand(s *session, cmd *cobra.Command, do func(ctx context.Context, c *client.Client, args []string) error) *cobra.Command {
	cmd = lookCommand(s, cmd, do)
	cmd.GroupID, cmd.ValidArgsFunction = "", cobra.NoFileCompletions
	return cmd
}

func tokenCreateCommand(s *session) *cobra.Command {
	role := ""
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make a token",
		Long: `Make a token and write it to standard output. It is shown this one time: the
server keeps only a digest of it.

NAME is recorded as the creator of what is done with the token.`,
		Example: "  sluice token create ci --role operator\n  export SLUICE_TOKEN=$(sluice token create me)",
		Args:    takes("NAME"),
	}
	cmd.Flags().StringVar(&role, "role", string(api.RoleViewer), "what it may do: viewer, operator or admin")
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions([]string{"viewer", "operator", "admin"}, cobra.ShellCompDirectiveNoFileComp))
	return accessCommand(s, cmd, func(ctx context.Context, c *client.Client, args []string) error {
		if !api.Role(role).Includes(api.RoleViewer) {
			return Usagef("--role: %q: viewer, operator and admin are allowed", role)
		}
		made, err := c.CreateToken(ctx, args[0], api.Role(role))
		if err != nil {
			return err
		}
		return s.show(made, func(w io.Writer) {
			fmt.Fprintln(w, made.Secret)
			fmt.Fprintf(s.err, "token %s of role %s is made; it is not shown again\n", made.Name, made.Role)
		})
	})
}

func tokenListCommand(s *session) *cobra.Command {
	return accessCommand(s, &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List all tokens",
		Long: `List all tokens: their names and roles, who made them, and when each was used
last, to a few minutes. What they are is never shown.`,
		Example: "  sluice token list",
		Args:    takes(),
	}, func(ctx context.Context, c *client.Client, _ []string) error {
		list, err := c.Tokens(ctx)
		if err != nil {
			return err
		}
		return s.show(struct {
			Tokens []api.Token `json:"tokens"`
		}{list}, func(w io.Writer) {
			rows := [][]string{{"NAME", "ROLE", "CREATOR", "AGE", "LAST USED"}}
			for _, t := range list {
				rows = append(rows, []string{t.Name, string(t.Role), t.CreatedBy, age(t.CreatedAt.Time), lastUse(t)})
			}
			table(w, rows...)
		})
	})
}

func lastUse(t api.Token) string {
	if t.LastUsedAt == nil {
		return "never"
	}
	return age(t.LastUsedAt.Time) + " ago"
}

func tokenRevokeCommand(s *session) *cobra.Command {
	cmd := accessCommand(s, &cobra.Command{
		Use:   "revoke NAME",
		Short: "Revoke a token",
		Long: `Revoke a token: it is refused from now on, and what it still watches ends.

The token "admin" cannot be revoked: delete admin.token in the data directory
and restart the server, which makes a new one.`,
		Example: "  sluice token revoke ci",
		Args:    takes("NAME"),
	}, func(ctx context.Context, c *client.Client, args []string) error {
		if err := c.RevokeToken(ctx, args[0]); err != nil {
			return err
		}
		if s.output == formatTable { // the API has nothing to say
			fmt.Fprintf(s.out, "token %s is revoked\n", args[0])
		}
		return nil
	})
	cmd.ValidArgsFunction = s.completeToken
	return cmd
}

// completeToken gives the names of tokens to a shell that completes.
func (s *session) completeToken(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return s.complete(cmd, args, func(ctx context.Context, c *client.Client) (names []string, err error) {
		list, err := c.Tokens(ctx)
		for _, t := range list {
			names = append(names, t.Name+"\t"+string(t.Role))
		}
		return names, err
	})
}
