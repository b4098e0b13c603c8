package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client talks to one server. Make it with New.
type Client struct {
	base  string
	token string
	http  *http.Client
	// For the tests of Watch.
	silence   time.Duration // longest time without a byte
	backOff   time.Duration // before the first new connection; doubles
	backOffTo time.Duration
}

// New makes a client of the server at baseURL, such as http://127.0.0.1:7070.
// No token is sent when it is "".
func New(baseURL, token string) *Client {
	return &Client{
		base: strings.TrimRight(baseURL, "/"), token: token, http: &http.Client{},
		silence: 45 * time.Second, backOff: 200 * time.Millisecond, backOffTo: 5 * time.Second,
	}
}

// Server is the address given to New.
func (c *Client) Server() string { return c.base }

// request is one call of the API.
type request struct {
	method string
	path   []string // below /api/v1, not yet escaped
	query  url.Values
	body   []byte
	header http.Header
}

func get(path ...string) *request { return &request{method: http.MethodGet, path: path} }

func (r *request) with(name, value string) *request {
	if r.query == nil {
		r.query = url.Values{}
	}
	r.query.Set(name, value)
	return r
}

// open sends a request and returns the answer when it is no problem. The caller
// closes it.
func (c *Client) open(ctx context.Context, r *request) (*http.Response, error) {
	address := c.base + "/api/v1"
	for _, p := range r.path {
		address += "/" + url.PathEscape(p)
	}
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(r.body))
	if err != nil {
		return nil, &UnreachableError{c.base, err}
	}
	for name, values := range r.header {
		req.Header[name] = values
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		var outer *url.Error
		if errors.As(err, &outer) {
			err = outer.Err // without the method and address, which are said already
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, &UnreachableError{c.base, err}
	}
	if resp.StatusCode >= 300 {
		defer resp.Body.Close()
		return nil, readProblem(resp)
	}
	return resp, nil
}

// call sends a request and decodes the answer.
func call[T any](ctx context.Context, c *Client, r *request) (T, error) {
	var out T
	resp, err := c.open(ctx, r)
	if err != nil {
		return out, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return out, &UnreachableError{c.base, err}
	}
	if err := json.Unmarshal(body, &out); err != nil {
		return out, &UnreachableError{c.base, errors.New("what answers there is not Sluice: " + err.Error())}
	}
	return out, nil
}
