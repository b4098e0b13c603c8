package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/internal/cli"
	"sluice.dev/sluice/internal/daemon"
	"sluice.dev/sluice/internal/gateway"
)

// interrupted is done at the first SIGTERM or Ctrl-C; a second one ends the
// program at once.
func interrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGTERM, os.Interrupt)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}

func serverCommand() *cobra.Command {
	cfg := daemon.Config{Version: version, Executable: executable()}
	var runtime string
	cmd := &cobra.Command{
		Use:   "server",
		Short: "Run the control plane of this machine, and its gateway",
		Long: `Run the control plane of this machine: the API on one port, and a gateway, a
process of its own, that takes traffic on another. Both addresses are printed
when they are ready.

Everything is kept in the data directory. Ctrl-C or SIGTERM ends the control
plane only: replicas and the gateway go on serving, and the next server takes
them over. "sluice down" ends them.`,
		Example: `  sluice server
  sluice server --data ./data --listen 127.0.0.1:7070 --gateway 127.0.0.1:8080
  sluice server --listen 0.0.0.0:7070 --tls-cert tls.crt --tls-key tls.key`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if runtime != "process" {
				return cli.Usagef("--runtime: %q is not available in this release; process is", runtime)
			}
			data, err := filepath.Abs(cfg.Data)
			if err != nil {
				return err
			}
			cfg.Data = data
			cfg.Log = logger(cmd)
			ctx, stop := interrupted(cmd.Context())
			defer stop()
			err = daemon.Serve(ctx, cfg, cmd.OutOrStdout())
			if wrong := (*daemon.UsageError)(nil); errors.As(err, &wrong) {
				return cli.Usagef("%w", err)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.Data, "data", cli.DefaultDataDir(), "data directory")
	f.StringVar(&cfg.File, "config", "", "configuration file (default DATA/server.yaml)")
	f.StringVar(&cfg.Listen, "listen", "127.0.0.1:7070", "where the API listens; port 0 takes a free one")
	f.StringVar(&cfg.Gateway, "gateway", "127.0.0.1:8080", "where the gateway takes traffic; port 0 takes a free one")
	f.StringVar(&runtime, "runtime", "process", "where replicas run")
	f.StringVar(&cfg.TLSCert, "tls-cert", "", "certificate of the API, a PEM file that is read again when it changes (default api.tls_cert of the configuration file, else none)")
	f.StringVar(&cfg.TLSKey, "tls-key", "", "its key, a PEM file (default api.tls_key of the configuration file)")
	f.BoolVar(&cfg.Insecure, "insecure", false, "listen on other addresses than loopback without encryption")
	f.BoolVar(&cfg.GiveUpSecrets, "give-up-secrets", false, "start though DATA/secret.key is lost or another one: secrets that it does not open have to be set again")
	return cmd
}

func gatewayCommand() *cobra.Command {
	cfg := gateway.Config{}
	cmd := &cobra.Command{
		Use:   "gateway",
		Short: "Run a gateway (sluice server starts one by itself)",
		Long: `Run a gateway: a process that takes requests and hands each to one ready
replica. It gets its routing table from the control plane over a unix socket
and goes on with the last one while the control plane is away.

With --handover it takes over from the gateway that was started with the same
path and address: both hold the listening socket until the new one has its
routing table, so that no connect is refused, and what the old one has in hand
ends there. Give it another --id.`,
		Example: `  sluice gateway --id second --listen 127.0.0.1:8081 --control ./data/gateway.sock`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg.Log = logger(cmd)
			if cfg.SlowStart == 0 {
				cfg.SlowStart = -1
			}
			ctx, stop := interrupted(cmd.Context())
			defer stop()
			return gateway.Run(ctx, cfg, func(addr string) { cmd.Println("gateway listens on " + addr) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&cfg.ID, "id", "gateway", "name of this gateway; one process at a time has it")
	f.StringVar(&cfg.Listen, "listen", "127.0.0.1:8080", "where it takes traffic; port 0 takes a free one")
	f.StringVar(&cfg.TLSCert, "tls-cert", "", "certificate to encrypt traffic with, a PEM file that is read again when it changes (default none: not encrypted)")
	f.StringVar(&cfg.TLSKey, "tls-key", "", "key of the certificate, a PEM file")
	f.StringVar(&cfg.Control, "control", daemon.SocketFile(cli.DefaultDataDir()), "socket of the control plane")
	f.Int64Var(&cfg.MaxBody, "max-body", 0, "largest request body in bytes (default 64 MiB; below 0 for no limit)")
	f.IntVar(&cfg.MaxHeader, "max-header", 0, "largest request head in bytes (default 64 KiB)")
	f.DurationVar(&cfg.BodyWait, "body-wait", 30*time.Second, "how long the next byte of a request's body may take until the answer begins; beyond it 408")
	f.DurationVar(&cfg.WriteWait, "write-wait", time.Minute, "how long a caller may take none of its answer; beyond it the connection or HTTP/2 stream ends")
	f.DurationVar(&cfg.SlowStart, "slow-start", 10*time.Second, "how long a replica that joins others takes to get its full share; 0 for at once")
	f.StringVar(&cfg.Handover, "handover", "", "path of a socket by which one gateway takes over from another at the same address (default none)")
	f.DurationVar(&cfg.Retire, "retire", time.Hour, "how long what it has in hand may take once another has taken over")
	f.DurationVar(&cfg.Grace, "grace", 30*time.Second, "how long requests in hand may take when it ends")
	return cmd
}

func downCommand() *cobra.Command {
	var data string
	cmd := &cobra.Command{
		Use:   "down",
		Short: "End the server, its gateway and all replicas of a data directory",
		Long: `End everything of a data directory: the server if it runs, then the gateway,
which finishes what it has in hand, then all replicas. It works with no server
running. Services and versions stay: the next "sluice server" starts them again.`,
		Example: `  sluice down --data ./data`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			data, err := filepath.Abs(data)
			if err != nil {
				return err
			}
			if _, err := os.Stat(data); err != nil {
				return cli.Usagef("--data: %v; name the directory that the server was started with", err)
			}
			ctx, stop := interrupted(cmd.Context())
			defer stop()
			return daemon.Down(ctx, data, cmd.OutOrStdout(), logger(cmd))
		},
	}
	cmd.Flags().StringVar(&data, "data", cli.DefaultDataDir(), "data directory")
	return cmd
}

func logger(cmd *cobra.Command) *slog.Logger {
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}
