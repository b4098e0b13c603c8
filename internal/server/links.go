package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/session"
)

// sharedHours is how long a shared link is good where nobody says.
const sharedHours = 24

type linkInput struct {
	Browser
	Body struct {
		Share bool `json:"share,omitempty" doc:"a link for others, who look and change nothing: many may use it until its time is over"`
		Hours int  `json:"hours,omitempty" minimum:"1" maximum:"168" doc:"how long a shared link is good; 24 if left out"`
	}
}

type linkOutput struct {
	Body api.ConsoleLink
}

// Unshared is what became of shared links.
type Unshared struct {
	Links int `json:"links" doc:"how many were good"`
}

type unsharedOutput struct {
	Body Unshared
}

func (s *server) routeLinks() {
	create := operation(http.MethodPost, prefix+"/console/links", "create-console-link", consoleTag, "Make a link to the console",
		"For oneself: it logs one browser in as the caller, within five minutes. Or to share: it logs browsers in as viewers until its time is over, or the caller's token is revoked.",
		http.StatusForbidden, http.StatusConflict, http.StatusRequestEntityTooLarge)
	create.DefaultStatus = http.StatusCreated
	limitBody(&create)
	register(s, create, s.createLink)
	register(s, operation(http.MethodDelete, prefix+"/console/links", "delete-console-links", consoleTag, "End all shared links of the caller",
		"They open nothing any more, and what was opened with them ends.", http.StatusForbidden), s.deleteLinks)
}

func (s *server) createLink(ctx context.Context, in *linkInput) (*linkOutput, error) {
	from := callerOf(ctx)
	if p := guest(from); p != nil {
		return nil, p
	}
	out := api.ConsoleLink{Role: from.holder.Role}
	span := time.Duration(0)
	switch {
	case in.Body.Share && in.Body.Hours == 0:
		span = sharedHours * time.Hour
	case in.Body.Share:
		span = time.Duration(in.Body.Hours) * time.Hour
	case in.Body.Hours != 0:
		return nil, newProblem(http.StatusUnprocessableEntity, codeInvalid, "hours: a link for oneself is good for five minutes", "leave hours out, or add share: true")
	}
	if in.Body.Share {
		out.Role = api.RoleViewer
	}
	code, ends, err := s.sessions.Link(from.holder, span)
	var many *session.TooManyError
	if errors.As(err, &many) {
		return nil, newProblem(http.StatusConflict, codeRefused, many.Error(), "wait until one is over, or end the shared ones with `sluice console --unshare`")
	}
	if err != nil {
		return nil, err
	}
	scheme := "http://"
	if in.request.TLS != nil {
		scheme = "https://"
	}
	out.URL, out.ExpiresAt = scheme+in.request.Host+"/login?code="+code, api.At(ends)
	return &linkOutput{Body: out}, nil
}

func (s *server) deleteLinks(ctx context.Context, _ *struct{}) (*unsharedOutput, error) {
	from := callerOf(ctx)
	if p := guest(from); p != nil {
		return nil, p
	}
	return &unsharedOutput{Body: Unshared{Links: s.sessions.Unshare(from.holder)}}, nil
}

// guest refuses who came with a shared link: links of a link would have no end.
func guest(from *caller) error {
	if from.session == nil || !from.session.Shared {
		return nil
	}
	return newProblem(http.StatusForbidden, codeForbidden, "a shared link cannot make or end links", "ask who shared it")
}
