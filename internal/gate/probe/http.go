package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/gate"
)

// mostBody is how much of an answer is read.
const mostBody = 1 << 20

// measureHTTP asks once. A server that cannot be reached is no data; one that
// answers otherwise than it should has failed.
func measureHTTP(ctx context.Context, r api.GateRule, s Subject) gate.Measurement {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	address := s.fill(r.HTTP.URL)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return gate.Measurement{NoData: err.Error()}
	}
	request.Header.Set("Accept", "application/json, */*;q=0.5")
	transport := http.DefaultTransport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return gate.Measurement{NoData: fmt.Sprintf("%s: %s", address, why(err, r))}
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, mostBody))
	if err != nil {
		return gate.Measurement{NoData: fmt.Sprintf("%s: its answer broke off: %s", address, why(err, r))}
	}
	m := read(r, answer.StatusCode, body)
	if m.Failed != "" {
		m.Failed = address + ": " + m.Failed
	}
	m.Output = tailOf(body)
	return m
}

// read holds an answer against what is asked of it.
func read(r api.GateRule, status int, body []byte) (m gate.Measurement) {
	h := r.HTTP
	switch {
	case h.Status != 0 && status != h.Status:
		m.Failed = fmt.Sprintf("status %d, expected %d", status, h.Status)
		return m
	case h.Status == 0 && (status < 200 || status > 299):
		m.Failed = fmt.Sprintf("status %d, expected 200 to 299", status)
		return m
	}
	text := string(body)
	if h.Field != "" {
		value, missing := lookUp(body, h.Field)
		if missing != "" {
			m.Failed = missing
			return m
		}
		text = value
	}
	if h.Match != "" {
		if matched, err := regexp.MatchString(h.Match, text); err != nil || !matched {
			m.Failed = fmt.Sprintf("%q does not match %q", tailOf([]byte(text)), h.Match)
			return m
		}
	}
	if r.Max != nil || r.Min != nil {
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			m.Failed = fmt.Sprintf("%s is %q, a number is needed", h.Field, tailOf([]byte(text)))
			return m
		}
		m.New = &n
	}
	return m
}

// lookUp finds results.0.score in a JSON answer, and writes it as text: a text
// as it is, everything else as JSON.
func lookUp(body []byte, field string) (text, missing string) {
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.UseNumber()
	var at any
	if err := decoder.Decode(&at); err != nil {
		return "", fmt.Sprintf("the answer is no JSON, in which %s could be looked up: %s", field, err)
	}
	for _, name := range strings.Split(field, ".") {
		found := false
		switch in := at.(type) {
		case map[string]any:
			at, found = in[name]
		case []any:
			if i, err := strconv.Atoi(name); err == nil && i >= 0 && i < len(in) {
				at, found = in[i], true
			}
		}
		if !found {
			return "", fmt.Sprintf("the answer has no %s (nothing at %q)", field, name)
		}
	}
	if s, ok := at.(string); ok {
		return s, ""
	}
	out, _ := json.Marshal(at)
	return string(out), ""
}
