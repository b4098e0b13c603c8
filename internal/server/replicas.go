package server

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

const replicas = "replicas"

type ReplicaInput struct {
	Named
	ID string `path:"id" maxLength:"200" doc:"the replica's id"`
}

type evictInput struct {
	ReplicaInput
	Why
}

type replicaOutput struct {
	Body api.Replica
}

type replicaList struct {
	Body struct {
		Replicas []api.Replica `json:"replicas" nullable:"false"`
	}
}

// EventsQuery chooses events; it is exported for huma, as Named is.
type EventsQuery struct {
	After   int64  `query:"after" minimum:"0" doc:"only events with a higher seq"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"1000" doc:"the newest that many"`
	Type    string `query:"type" enum:"normal,warning" doc:"only those of this type"`
	Reason  string `query:"reason" maxLength:"100" pattern:"^[A-Za-z]*$" doc:"only those with this reason, one CamelCase word such as ReplicaFailed"`
	Rollout string `query:"rollout" maxLength:"200" doc:"only those of this rollout"`
	Version int    `query:"version" minimum:"1" doc:"only those about this version"`
	Replica string `query:"replica" maxLength:"200" doc:"only those about this replica"`
	Actor   string `query:"actor" maxLength:"100" doc:"only what this identity asked for"`
	Since   string `query:"since" maxLength:"100" doc:"only from then on: a time (RFC 3339) or how long ago, such as 90s, 15m or 2h"`
}

type eventsInput struct {
	Named
	EventsQuery
}

type eventList struct {
	Body struct {
		Events []api.Event `json:"events" nullable:"false"`
	}
}

type logsInput struct {
	Named
	Replica string `query:"replica" maxLength:"200" doc:"one replica; else all, and each line begins with the replica's id"`
	Tail    int    `query:"tail" minimum:"0" default:"100" doc:"the last that many lines; 0 is all that is kept"`
	Follow  bool   `query:"follow" doc:"go on as more is written, until the connection is closed"`
}

func (s *server) routeReplicas() {
	const path = prefix + "/services/{name}"
	register(s, operation(http.MethodGet, path+"/replicas", "list-replicas", replicas,
		"List all replicas", "Also those that end, and failed ones that are kept for study.", 404), s.listReplicas)
	register(s, operation(http.MethodGet, path+"/replicas/{id}", "get-replica", replicas, "Show one replica", "", 404), s.getReplica)

	evict := operation(http.MethodDelete, path+"/replicas/{id}", "evict-replica", replicas,
		"Have a replica replaced", "By another of its own version, under the bounds of the service.", 404, 409, 412)
	evict.DefaultStatus = http.StatusAccepted
	register(s, evict, s.evictReplica)

	register(s, operation(http.MethodGet, path+"/events", "list-events", replicas,
		"List events", "Ascending by seq. Those of a deleted service stay readable.", 404), s.listEvents)

	register(s, operation(http.MethodGet, prefix+"/events", "list-all-events", replicas,
		"List events of all services", "Ascending by seq, those of deleted services too."),
		func(ctx context.Context, in *EventsQuery) (*eventList, error) { return s.events(ctx, "", in) })

	logs := operation(http.MethodGet, path+"/logs", "read-logs", replicas,
		"Read what replicas wrote", "Their standard output and error, as they are.", 404)
	logs.Responses = map[string]*huma.Response{"200": {
		Description: "Log lines",
		Content:     map[string]*huma.MediaType{"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	register(s, logs, s.readLogs)
}

func (s *server) listReplicas(ctx context.Context, in *Named) (*replicaList, error) {
	list, err := s.cfg.Releases.Replicas(ctx, in.Name)
	out := &replicaList{}
	out.Body.Replicas = orEmpty(list)
	return out, err
}

func (s *server) getReplica(ctx context.Context, in *ReplicaInput) (*replicaOutput, error) {
	replica, err := s.cfg.Releases.Replica(ctx, in.Name, in.ID)
	return &replicaOutput{Body: replica}, err
}

func (s *server) evictReplica(ctx context.Context, in *evictInput) (*answerOutput, error) {
	by, err := in.by(ctx)
	if err != nil {
		return nil, err
	}
	return answered(s.cfg.Releases.EvictReplica(ctx, by, in.Name, in.ID))
}

// listEvents answers for a service that was deleted, too; only a name that never
// had an event and has no service is not found.
func (s *server) listEvents(ctx context.Context, in *eventsInput) (*eventList, error) {
	return s.events(ctx, in.Name, &in.EventsQuery)
}

func (s *server) events(ctx context.Context, service string, in *EventsQuery) (*eventList, error) {
	since, err := api.ParseSince("since", in.Since, time.Now())
	if err != nil {
		return nil, err
	}
	q := store.EventQuery{Service: service, After: in.After, Limit: in.Limit, EventFilter: api.EventFilter{
		Type: in.Type, Reason: in.Reason, Rollout: in.Rollout, Version: in.Version, Replica: in.Replica, Actor: in.Actor, Since: since}}
	list, err := s.cfg.Releases.Events(ctx, q)
	if err != nil {
		return nil, err
	}
	out := &eventList{}
	out.Body.Events = orEmpty(list)
	return out, nil
}

func (s *server) readLogs(ctx context.Context, in *logsInput) (*huma.StreamResponse, error) {
	ctx, cancel := context.WithCancel(ctx)
	logs, err := s.cfg.Releases.Logs(ctx, in.Name, in.Replica, in.Tail, in.Follow)
	if err != nil {
		cancel()
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer cancel()
		defer logs.Close()
		hc.SetHeader("Content-Type", "text/plain; charset=utf-8")
		hc.SetStatus(http.StatusOK)
		stream := newStream(hc)
		if err := stream.flush(); err == nil {
			_, err = io.Copy(stream, logs)
			// The status has been sent: an answer that breaks off is all that can
			// tell the caller now.
			if err != nil && ctx.Err() == nil && !errors.Is(err, errGone) {
				s.log.Warn("logs broke off", "service", in.Name, "replica", in.Replica, "error", err)
				panic(http.ErrAbortHandler)
			}
		}
	}}, nil
}
