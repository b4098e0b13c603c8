package server

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"sluice.dev/sluice/examples/digits"
)

const usage = `usage: digits-server [--model PATH] [--host HOST] [--port PORT]

Serves a digits model over HTTP by the Open Inference Protocol v2.

  --model PATH  model file, or folder with a model.bin (default $MODEL_PATH)
  --host HOST   address to listen on (default 127.0.0.1)
  --port PORT   port to listen on, 0 for any free one (default $PORT, else 8000)
`

// config is what the arguments and the environment say.
type config struct {
	model string
	host  string
	port  int
}

// Run is the program: it serves until ctx is done, then answers what it has in
// hand and returns. args come without the program's name. The result is the
// exit status: 0 after a drain, 1 when the model does not load or the address
// cannot be listened on (with one line on stderr), 2 for wrong arguments. The
// caller makes ctx of the signals that shall end it, before it calls.
func Run(ctx context.Context, args []string, getenv func(string) string, stderr io.Writer) int {
	c, err := configure(args, getenv)
	switch {
	case errors.Is(err, flag.ErrHelp):
		io.WriteString(stderr, usage)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "digits-server: %v\n%s", err, usage)
		return 2
	}
	if err := serve(ctx, c, stderr); err != nil {
		fmt.Fprintf(stderr, "digits-server: %v\n", err)
		return 1
	}
	return 0
}

func configure(args []string, getenv func(string) string) (config, error) {
	flags := flag.NewFlagSet("digits-server", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // Run prints the error and the usage
	model := flags.String("model", getenv("MODEL_PATH"), "")
	host := flags.String("host", "127.0.0.1", "")
	port := flags.String("port", "", "")
	if err := flags.Parse(args); err != nil {
		return config{}, err
	}
	if flags.NArg() > 0 {
		return config{}, fmt.Errorf("argument %q is not understood", flags.Arg(0))
	}
	if *model == "" {
		return config{}, errors.New("no model: give --model or set $MODEL_PATH")
	}
	from, text := "--port", *port
	if text == "" {
		from, text = "$PORT", getenv("PORT")
	}
	if text == "" {
		text = "8000"
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > 65535 {
		return config{}, fmt.Errorf("%s is %q; 0 to 65535 is allowed", from, text)
	}
	return config{model: *model, host: *host, port: n}, nil
}

// serve loads before it listens, so that who can connect finds it ready.
func serve(ctx context.Context, c config, stderr io.Writer) error {
	model, err := digits.Load(c.model)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(c.host, strconv.Itoa(c.port)))
	if err != nil {
		return err
	}
	handler := New(model)
	server := &http.Server{
		Handler: handler,
		// Slow or silent clients do not hold connections for ever. A client that
		// keeps connections should close idle ones before this does.
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
	}
	fmt.Fprintf(stderr, "digits-server: serving %s version %s (%s, %d parameters) on %s, pid %d\n",
		model.Name, model.Version, model.Kind, model.Parameters(), listener.Addr(), os.Getpid())

	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	handler.Drain()
	// No limit of our own: who sent the signal knows how long it will wait.
	if err := server.Shutdown(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	fmt.Fprintf(stderr, "digits-server: stopped (%v) after %d requests, none left in hand\n", context.Cause(ctx), handler.Served())
	return nil
}
