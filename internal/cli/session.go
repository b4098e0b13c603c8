package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/client"
)

const defaultServer = "http://127.0.0.1:7070"

// session is what the commands of one run share.
type session struct {
	in  io.Reader
	out io.Writer
	err io.Writer

	server, token, data, ca string
	output                  format
}

func (s *session) flags(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVar(&s.server, "server", "", "address of the server (default $SLUICE_SERVER, else "+defaultServer+")")
	f.StringVar(&s.token, "token", "", "token to show (default $SLUICE_TOKEN, else admin.token in the data directory)")
	f.StringVar(&s.data, "data", "", "data directory of the server, for its admin.token (default $SLUICE_DATA, else ~/.local/share/sluice)")
	f.StringVar(&s.ca, "ca", "", "PEM file of the authority that signed the certificate of an https server (default $SLUICE_CA, else those the system trusts)")
	s.output = formatTable
	f.VarP(&s.output, "output", "o", "how results are written: table, json or yaml")
	_ = root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json", "yaml"}, cobra.ShellCompDirectiveNoFileComp))
}

// DefaultDataDir is where a server keeps everything when it is not told: the
// first of $SLUICE_DATA, $XDG_DATA_HOME/sluice and ~/.local/share/sluice that is
// set.
func DefaultDataDir() string {
	if dir := os.Getenv("SLUICE_DATA"); dir != "" {
		return dir
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "sluice")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "sluice-data" // a machine account without a home: where it stands
	}
	return filepath.Join(home, ".local", "share", "sluice")
}

// TokenFile is where the server of a data directory writes its first token.
func TokenFile(data string) string { return filepath.Join(data, "admin.token") }

// connect makes the client that flags and environment ask for. A token that
// cannot be found is no error yet: the server says so, with where it would be.
func (s *session) connect() (*client.Client, error) {
	server := s.server
	if server == "" {
		server = os.Getenv("SLUICE_SERVER")
	}
	if server == "" {
		server = defaultServer
	}
	if !strings.Contains(server, "://") {
		server = "http://" + server
	}
	token := s.token
	if token == "" && s.data == "" {
		token = os.Getenv("SLUICE_TOKEN")
	}
	if token == "" {
		data := s.data
		if data == "" {
			data = DefaultDataDir()
		}
		text, err := os.ReadFile(TokenFile(data))
		switch {
		case errors.Is(err, fs.ErrNotExist) && s.data != "":
			return nil, Usagef("--data %s: it has no admin.token; name the directory that the server was started with, or use --token", s.data)
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("read the token: %w; use --token or $SLUICE_TOKEN", err)
		}
		token = strings.TrimSpace(string(text))
	}
	return s.trusting(client.New(server, token))
}

// trusting has the client trust a private authority if there is one.
func (s *session) trusting(c *client.Client) (*client.Client, error) {
	ca, from := s.authority()
	if ca == "" {
		return c, nil
	}
	if err := c.TrustCA(ca); err != nil {
		return nil, Usagef("%s: %v; name the PEM file of the authority that signed the server's certificate", from, err)
	}
	return c, nil
}

// authority is the file of the private authority, "" without one, and what
// named it.
func (s *session) authority() (file, from string) {
	if s.ca != "" {
		return s.ca, "--ca"
	}
	return os.Getenv("SLUICE_CA"), "$SLUICE_CA"
}

// completeService gives the names of services to a shell that completes.
func (s *session) completeService(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return s.complete(cmd, args, func(ctx context.Context, c *client.Client) (names []string, err error) {
		list, err := c.Services(ctx)
		for _, service := range list {
			names = append(names, service.Name+"\t"+string(service.Status))
		}
		return names, err
	})
}

// complete gives a command's first argument to a shell that completes: each name
// with a word about it after a tab.
func (s *session) complete(cmd *cobra.Command, args []string, list func(context.Context, *client.Client) ([]string, error)) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	c, err := s.connect()
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), time.Second)
	defer cancel()
	names, err := list(ctx, c)
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
