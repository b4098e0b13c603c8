package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/rollout"
	"sluice.dev/sluice/internal/store"
)

// Codes of problems. They are part of the API and do not change.
const (
	codeInvalid      = "invalid"
	codeNotFound     = "not_found"
	codeNoMethod     = "method_not_allowed"
	codeExists       = "exists"
	codeRefused      = "refused"
	codeStale        = "stale"
	codeUnauthorized = "unauthorized"
	codeForbidden    = "forbidden"
	codeTooLarge     = "too_large"
	codeTooMany      = "too_many_requests"
	codeUnavailable  = "unavailable"
	codeInternal     = "internal"
)

// Problem is the body of every answer that is an error: a problem document
// (RFC 9457) with a stable code and what to do next.
type Problem struct {
	Type   string             `json:"type" doc:"always about:blank; code tells problems apart"`
	Title  string             `json:"title" doc:"the words of the HTTP status"`
	Status int                `json:"status" doc:"the HTTP status"`
	Code   string             `json:"code" enum:"invalid,not_found,method_not_allowed,exists,refused,stale,unauthorized,forbidden,too_large,too_many_requests,unavailable,internal" doc:"what kind of problem it is; stable"`
	Detail string             `json:"detail" doc:"what is wrong, for a person"`
	Hint   string             `json:"hint,omitempty" doc:"what to do next"`
	Errors []api.FieldProblem `json:"errors,omitempty" doc:"everything that is wrong in the request, field by field"`

	wait time.Duration // until it is worth trying again; 0 says nothing
}

func (p *Problem) Error() string { return p.Detail }

// GetStatus is what huma asks an error for.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders is what huma asks an error for.
func (p *Problem) GetHeaders() http.Header {
	if p.wait == 0 {
		return nil
	}
	return http.Header{"Retry-After": {strconv.Itoa(int((p.wait + time.Second - 1) / time.Second))}}
}

// ContentType is what huma asks a body for.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

func newProblem(status int, code, detail, hint string) *Problem {
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail, Hint: hint}
}

func (p *Problem) write(w http.ResponseWriter) {
	body, _ := json.Marshal(p) // only text and numbers: it cannot fail
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	w.Write(append(mask(body), '\n'))
}

// problemOf says which problem an error of Releases is. An error that is none of
// the known refusals means that Sluice could not do it, mostly because its store
// could not: 503.
func problemOf(err error) error {
	var (
		done    *Problem
		invalid *api.InvalidError
		missing *controller.NotFoundError
		exists  *controller.ExistsError
		stale   *controller.StaleError
		refusal *rollout.Refusal
	)
	switch {
	case errors.As(err, &done):
		return done
	case errors.As(err, &invalid):
		p := newProblem(http.StatusUnprocessableEntity, codeInvalid, invalid.Error(), "")
		p.Errors = invalid.Problems
		if len(p.Errors) > 1 {
			p.Detail = invalid.Count()
		}
		return p
	case errors.As(err, &missing):
		bare := *missing
		bare.Hint = ""
		return newProblem(http.StatusNotFound, codeNotFound, bare.Error(), missing.Hint)
	case errors.Is(err, store.ErrNotFound):
		return newProblem(http.StatusNotFound, codeNotFound, err.Error(), "")
	case errors.As(err, &exists):
		return newProblem(http.StatusConflict, codeExists, exists.Error(), "")
	case errors.As(err, &stale):
		return newProblem(http.StatusPreconditionFailed, codeStale, stale.Error(), "")
	case errors.As(err, &refusal):
		return newProblem(http.StatusConflict, codeRefused, refusal.Message, refusal.Hint)
	}
	return newProblem(http.StatusServiceUnavailable, codeUnavailable, err.Error(),
		"what serves goes on; remove the cause and try again")
}

// unreadable is a body that is no service file at all.
func unreadable(err error) error {
	var invalid *api.InvalidError
	if errors.As(err, &invalid) {
		return err
	}
	return newProblem(http.StatusUnprocessableEntity, codeInvalid, err.Error(), "")
}

// huma keeps the maker of its own errors (a parameter that is no number, a body
// that is no JSON) in a variable of its package.
func init() {
	huma.NewError = func(status int, message string, errs ...error) huma.StatusError {
		code, hint := codeInvalid, ""
		switch {
		case status == http.StatusRequestEntityTooLarge:
			code, message = codeTooLarge, fmt.Sprintf("the body is larger than is allowed: %d bytes for a service file, %d for an import", maxBody, maxImport)
		case status == http.StatusNotAcceptable:
			hint = "leave out the Accept header, or send application/json"
		case status >= 500:
			code = codeInternal
		}
		p := newProblem(status, code, message, hint)
		for _, err := range errs {
			p.Errors = append(p.Errors, fieldProblem(err))
		}
		if len(p.Errors) == 1 {
			p.Detail = p.Errors[0].String()
		}
		return p
	}
}

func fieldProblem(err error) api.FieldProblem {
	var detailer huma.ErrorDetailer
	if !errors.As(err, &detailer) {
		return api.FieldProblem{Message: err.Error()}
	}
	d := detailer.ErrorDetail()
	f := api.FieldProblem{Path: d.Location, Message: d.Message}
	if value, err := json.Marshal(d.Value); err == nil && d.Value != nil && len(value) < 200 {
		f.Value = value
	}
	return f
}
