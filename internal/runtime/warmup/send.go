package warmup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
)

// Count is how many requests Send makes.
func Count(requests []Request) int {
	n := 0
	for _, r := range requests {
		n += r.Repeat
	}
	return n
}

// Send sends the requests to host:port, one after another, and returns why the
// first failed, or nil. An answer from 200 to 399 is success; of gRPC (by its
// content type, sent as HTTP/2 without TLS) grpc-status has to be 0 too. No
// redirect is followed. Answers are read to their end.
func Send(ctx context.Context, address string, requests []Request) error {
	plain, h2 := newTransport(false), newTransport(true)
	defer plain.CloseIdleConnections()
	defer h2.CloseIdleConnections()
	sent, all := 0, Count(requests)
	for _, r := range requests {
		transport := plain
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			transport = h2
		}
		for range r.Repeat {
			sent++
			if err := r.send(ctx, transport, address); err != nil {
				return fmt.Errorf("request %d of %d, %s %s (line %d of the file): %w", sent, all, r.Method, r.Path, r.Line, err)
			}
		}
	}
	return nil
}

func newTransport(h2 bool) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!h2)
	protocols.SetUnencryptedHTTP2(h2)
	return &http.Transport{Protocols: protocols, DisableCompression: true}
}

func (r *Request) send(ctx context.Context, transport *http.Transport, address string) error {
	req, err := http.NewRequestWithContext(ctx, r.Method, "http://"+address+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return err
	}
	req.Header = r.Header.Clone()
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "sluice-warm-up")
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return inWords(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode < 200 || resp.StatusCode >= 400 {
		start, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // it only explains
		return fmt.Errorf("status %d%s", resp.StatusCode, firstLine(start))
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return inWords(ctx, err)
	}
	for _, h := range []http.Header{resp.Header, resp.Trailer} {
		if code := h.Get("Grpc-Status"); code != "" && code != "0" {
			return fmt.Errorf("grpc-status %s %s", code, h.Get("Grpc-Message"))
		}
	}
	return nil
}

// inWords says which patience was at its end.
func inWords(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("no answer in time")
	}
	return err
}

func firstLine(text []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(strings.ToValidUTF8(string(text), "?")), "\n")
	if line == "" {
		return ""
	}
	return ": " + line
}
