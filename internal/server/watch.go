package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
	"sluice.dev/sluice/internal/store"
)

type watchInput struct {
	Brief
	Service     string `query:"service" maxLength:"100" doc:"only this service, which need not exist yet"`
	After       int64  `query:"after" minimum:"0" doc:"begin with the stored events of a higher seq; without it, with what happens from now on"`
	LastEventID string `header:"Last-Event-ID" doc:"as after, sent by browsers when they connect again" pattern:"^[0-9]*$"`
}

// Snapshot is everything there is to see for a watcher.
type Snapshot struct {
	Services []api.Service `json:"services" nullable:"false"`
}

// Deleted names a service that is gone.
type Deleted struct {
	Name string `json:"name"`
}

func (s *server) routeWatch() {
	op := operation(http.MethodGet, prefix+"/watch", "watch", services, "Watch services and events",
		`Server-sent events, in the order in which things happened:

- resync: all services, to be shown instead of what was known before. It comes first, and again whenever this watcher was too slow and missed events.
- service: one service, whenever anything about it has changed.
- event: one event; its id is its seq.
- deleted: the name of a service that is gone.

- beat: nothing happened. A comment and a beat come every 15 seconds, so that a watcher can tell silence from a broken connection; a script in a browser sees no comments.`)
	schemas := s.api.OpenAPI().Components.Schemas
	kinds := []*huma.Schema{
		sseSchema("resync", huma.SchemaFromType(schemas, reflect.TypeFor[Snapshot]())),
		sseSchema("service", schemas.Schema(reflect.TypeFor[api.Service](), true, "")),
		sseSchema("event", schemas.Schema(reflect.TypeFor[api.Event](), true, "")),
		sseSchema("beat", &huma.Schema{Type: huma.TypeObject}),
		sseSchema("deleted", huma.SchemaFromType(schemas, reflect.TypeFor[Deleted]())),
	}
	op.Responses = map[string]*huma.Response{"200": {
		Description: "Each item stands for one server-sent event",
		Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{
			Type: huma.TypeArray, Items: &huma.Schema{OneOf: kinds},
		}}},
	}}
	register(s, op, func(_ context.Context, in *watchInput) (*huma.StreamResponse, error) {
		if n, err := strconv.ParseInt(in.LastEventID, 10, 64); err == nil {
			in.After = max(in.After, n)
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) { s.watch(hc, in) }}, nil
	})
}

func sseSchema(kind string, data *huma.Schema) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeObject,
		Properties: map[string]*huma.Schema{
			"event": {Type: huma.TypeString, Enum: []any{kind}},
			"id":    {Type: huma.TypeInteger, Description: "of an event: its seq"},
			"data":  data,
		},
		Required: []string{"event", "data"},
	}
}

// watcher is one open /watch.
type watcher struct {
	releases Releases
	stream   *stream
	service  string // "" is all
	brief    Brief
	sent     int64 // the highest seq that was sent
	// replayed is the highest seq sent from the store; the same events come as
	// news, too. Events of different services may come out of order, so sent
	// cannot tell them.
	replayed int64
}

func (s *server) watch(hc huma.Context, in *watchInput) {
	ctx, cancel := context.WithCancel(hc.Context())
	defer cancel()
	// Asked for before the first look, so that nothing falls between the two.
	news := s.cfg.Releases.Watch(ctx)
	hc.SetHeader("Content-Type", "text/event-stream")
	hc.SetStatus(http.StatusOK)
	w := &watcher{releases: s.cfg.Releases, stream: newStream(hc), service: in.Service, brief: in.Brief, sent: in.After}
	if w.resync(ctx) != nil {
		return
	}
	beat := time.NewTicker(s.beat)
	defer beat.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case first, open := <-news:
			if !open {
				return
			}
			err = w.tell(ctx, gather(first, news))
		case <-beat.C:
			_, err = w.stream.Write([]byte(": still here\n\nevent: beat\ndata: {}\n\n"))
		}
		if err != nil {
			return
		}
	}
}

// gather takes what else is waiting, so that a service that changed many times is
// looked at once.
func gather(first controller.News, news <-chan controller.News) []controller.News {
	batch := []controller.News{first}
	for len(batch) < 100 {
		select {
		case n, open := <-news:
			if !open {
				return batch
			}
			batch = append(batch, n)
		default:
			return batch
		}
	}
	return batch
}

// resync sends everything: all services, then the stored events that the watcher
// does not have, if it said which it has.
func (w *watcher) resync(ctx context.Context) error {
	shown := Snapshot{Services: []api.Service{}}
	for _, service := range w.releases.List(ctx) {
		if w.wants(service.Name) {
			shown.Services = append(shown.Services, w.brief.brief(service))
		}
	}
	if err := w.send("resync", 0, shown); err != nil || w.sent == 0 {
		return err
	}
	events, err := w.releases.Events(ctx, store.EventQuery{Service: w.service, After: w.sent})
	if err != nil {
		return err
	}
	if err := w.sendEvents(events); err != nil {
		return err
	}
	w.replayed = w.sent
	return nil
}

// tell sends a batch: first the events, then each service once, as it is now.
func (w *watcher) tell(ctx context.Context, batch []controller.News) error {
	if slices.ContainsFunc(batch, func(n controller.News) bool { return n.Missed }) {
		return w.resync(ctx)
	}
	var names []string
	for _, n := range batch {
		if !w.wants(n.Service) {
			continue
		}
		if err := w.sendEvents(n.Events); err != nil {
			return err
		}
		names = slices.DeleteFunc(names, func(name string) bool { return name == n.Service })
		if !n.Deleted {
			names = append(names, n.Service)
		} else if err := w.send("deleted", 0, Deleted{n.Service}); err != nil {
			return err
		}
	}
	for _, name := range names {
		service, err := w.releases.Get(ctx, name)
		if err != nil {
			continue // deleted meanwhile, which is the next news
		}
		if err := w.send("service", 0, w.brief.brief(service)); err != nil {
			return err
		}
	}
	return nil
}

func (w *watcher) wants(service string) bool { return w.service == "" || w.service == service }

func (w *watcher) sendEvents(events []api.Event) error {
	for _, e := range events {
		if e.Seq <= w.replayed {
			continue
		}
		if err := w.send("event", e.Seq, e); err != nil {
			return err
		}
		w.sent = max(w.sent, e.Seq)
	}
	return nil
}

func (w *watcher) send(kind string, id int64, data any) error {
	body, err := json.Marshal(data)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "event: %s\n", kind)
	if id != 0 {
		fmt.Fprintf(&b, "id: %d\n", id)
	}
	fmt.Fprintf(&b, "data: %s\n\n", mask(body))
	_, err = w.stream.Write(b.Bytes())
	return err
}
