package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"

	"sluice.dev/sluice/api"
)

// Address is where a replica really serves. Nominal is containers[].port of
// its service file: a check that names it, or no port, means Port.
type Address struct {
	Host    string
	Port    int
	Nominal int
	// Exec runs the command of an exec check where the replica runs. It returns
	// why the command failed, and ends it when ctx is done.
	Exec func(ctx context.Context, command []string) error
}

// Probe makes one probe, on a connection of its own where it needs one, and
// returns why it failed, or nil. The caller gives ctx the check's time-out.
func (a Address) Probe(ctx context.Context, c api.Check) error {
	var what string
	var err error
	switch {
	case c.HTTP != nil:
		what, err = a.get(ctx, c.HTTP)
	case c.TCP != nil:
		what, err = a.open(ctx, c.TCP)
	case c.GRPC != nil:
		what, err = a.ask(ctx, c.GRPC)
	case c.Exec != nil && a.Exec != nil:
		what, err = "exec "+strings.Join(c.Exec.Command, " "), a.Exec(ctx, c.Exec.Command)
	default:
		return errors.New("this kind of check cannot be carried out here; use http_get, tcp_socket or grpc")
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() == context.DeadlineExceeded, errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%s: no answer within %v", what, c.Timeout)
	}
	return fmt.Errorf("%s: %w", what, err)
}

func (a Address) hostPort(port int) string {
	if port == 0 || port == a.Nominal {
		port = a.Port
	}
	return net.JoinHostPort(a.Host, strconv.Itoa(port))
}

func (a Address) open(ctx context.Context, c *api.TCPCheck) (what string, err error) {
	at := a.hostPort(c.Port)
	conn, err := dial(ctx, at)
	if err == nil {
		err = conn.Close()
	}
	return "connect to " + at, err
}

// dialer sets no keep-alive: a probe is over before it could matter.
var dialer = net.Dialer{KeepAlive: -1}

func dial(ctx context.Context, at string) (net.Conn, error) {
	conn, err := dialer.DialContext(ctx, "tcp", at)
	if op := (*net.OpError)(nil); errors.As(err, &op) && !op.Timeout() {
		return nil, op.Err // the address is in the message already
	}
	return conn, err
}

// get asks for the page without net/http's client: a probe wants no pool, no
// redirect and no goroutine, and there may be thousands.
func (a Address) get(ctx context.Context, c *api.HTTPCheck) (what string, err error) {
	scheme, at := c.Scheme, a.hostPort(c.Port)
	if scheme == "" {
		scheme = "http"
	}
	url := scheme + "://" + at + "/" + strings.TrimPrefix(c.Path, "/")
	status, err := request(ctx, scheme, at, url)
	if err == nil && (status < 200 || status >= 400) {
		err = fmt.Errorf("status %d", status)
	}
	return "GET " + url, err
}

// headerLimit bounds what is read of an answer; nothing of its body is.
const headerLimit = 64 << 10

func request(ctx context.Context, scheme, at, url string) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("User-Agent", "sluice-probe")
	req.Close = true
	opened, err := dial(ctx, at)
	if err != nil {
		return 0, err
	}
	defer opened.Close()
	defer context.AfterFunc(ctx, func() { opened.Close() })()
	conn := opened
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return 0, err
		}
	}
	if scheme == "https" {
		// Replicas have certificates of their own making; a check asks whether
		// they answer, not who they are.
		conn = tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
	}
	if err := req.Write(conn); err != nil {
		return 0, err
	}
	return readStatus(bufio.NewReader(io.LimitReader(conn, headerLimit)), req)
}

func readStatus(r *bufio.Reader, req *http.Request) (int, error) {
	for {
		resp, err := http.ReadResponse(r, req)
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, errors.New("the connection was closed without an answer")
		}
		if err != nil {
			return 0, err
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			return resp.StatusCode, nil
		}
	}
}
