package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/store"
)

// Audit is the audit log: store.Store keeps one.
type Audit interface {
	AppendAudit(ctx context.Context, e api.AuditEntry) error
	Audit(ctx context.Context, q store.AuditQuery) ([]api.AuditEntry, error)
}

// looks are routes that change nothing, though their method does not say so.
var looks = map[string]bool{
	"POST " + prefix + "/services/{name}/preview":       true,
	"POST " + prefix + "/services/{name}/versions/diff": true,
}

// turnedAwayAMinute is how many requests of one identity that were turned away for
// their token are recorded one by one; the others of that minute are counted in
// one entry, so that nobody fills the disk with them.
const turnedAwayAMinute = 30

// auditor writes the audit log.
type auditor struct {
	s   *server
	log Audit

	mu     sync.Mutex
	away   map[string]*turned // by actor, "" for those without a known token
	gap    int                // entries that could not be written
	broken error              // why
}

// turned are the requests of one identity that were turned away within a minute.
type turned struct {
	recorded int
	more     api.AuditEntry // the last of those that were only counted
}

// about is what is known of a request besides its answer. authorized fills it in.
type about struct {
	actor string
	role  api.Role
	away  *Problem // why it was turned away, for its token; nil where it was not
}

type aboutKey struct{}

// audited records each request that asks for a change, and each that is turned
// away for its token. The answer leaves once the entry is written: whoever reads
// the log afterwards finds it there.
func (s *server) audited(next http.Handler) http.Handler {
	if s.audit == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who := &about{}
		r = r.WithContext(context.WithValue(r.Context(), aboutKey{}, who))
		_, pattern := s.mux.find(r)
		if r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions || looks[pattern] {
			next.ServeHTTP(w, r)
			// A page that asks whether somebody is logged in is no attempt at anything.
			if p := who.away; p != nil && pattern != sessionRoute {
				s.audit.record(s.entry(r, pattern, who, p.Status, said{Code: p.Code, Detail: p.Detail}), true)
			}
			return
		}
		a := &answer{ResponseWriter: w, header: w.Header().Clone()}
		done := false
		defer func() {
			if !done { // a panic that is for net/http
				a.status = http.StatusInternalServerError
			}
			a.WriteHeader(http.StatusOK)
			var words said
			_ = json.Unmarshal(a.body.Bytes(), &words) // an empty body, or one of another shape, says nothing
			s.audit.record(s.entry(r, pattern, who, a.status, words), who.away != nil)
			if done {
				a.send()
			}
		}()
		next.ServeHTTP(a, r)
		done = true
	})
}

// answer keeps an answer until it is recorded. Answers to changes are short.
type answer struct {
	http.ResponseWriter
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) send() {
	head := a.ResponseWriter.Header()
	for name, values := range a.header {
		head[name] = values
	}
	a.ResponseWriter.WriteHeader(a.status)
	// Who has gone away hears nothing; what was answered is in the log.
	_, _ = a.ResponseWriter.Write(a.body.Bytes())
}

// said is what an answer says of a change, or of why there was none.
type said struct {
	Name     string             `json:"name"`
	Changed  *bool              `json:"changed"`
	Text     string             `json:"text"`
	Revision uint64             `json:"revision"`
	Code     string             `json:"code"`
	Detail   string             `json:"detail"`
	Errors   []api.FieldProblem `json:"errors"`
}

// entry is what is recorded of a request. Nothing of its body is: where it was
// invalid, not even the problem's words, which quote it, but the fields alone.
func (s *server) entry(r *http.Request, pattern string, who *about, status int, said said) api.AuditEntry {
	e := api.AuditEntry{
		Time: api.At(time.Now()), Actor: who.actor, Role: who.role, Remote: remote(r), Operation: s.operations[pattern],
		Method: short(r.Method, 20), Path: short(r.URL.Path, 300), Outcome: outcome(status, said.Changed), Status: status, Times: 1,
		Message: short(r.URL.Query().Get("message"), 1000), Request: short(r.Header.Get("X-Request-Id"), 100),
	}
	name := named(pattern, r.URL.Path)
	if status < 300 {
		e.Text, e.Revision = said.Text, said.Revision
		if name == "" {
			name = said.Name // of what was made
		}
	} else {
		e.Code, e.Detail = said.Code, said.Detail
		if said.Code == codeInvalid {
			e.Detail = fields(said.Errors)
		}
	}
	switch _, path, _ := strings.Cut(pattern, " "); {
	case strings.HasPrefix(path, prefix+"/services"):
		e.Service = name
	case strings.HasPrefix(path, prefix+"/groups"):
		e.Group = name
	case strings.HasPrefix(path, prefix+"/tokens"):
		e.TokenName = name
	}
	return e
}

func outcome(status int, changed *bool) api.AuditOutcome {
	switch {
	case status >= 500:
		return api.AuditFailed
	case status >= 300:
		return api.AuditRefused
	case changed != nil && !*changed:
		return api.AuditUnchanged
	}
	return api.AuditDone
}

func fields(problems []api.FieldProblem) string {
	var paths []string
	for _, p := range problems {
		if p.Path != "" {
			paths = append(paths, p.Path)
		}
	}
	if len(paths) == 0 {
		return "the request is invalid"
	}
	return short("wrong in the request: "+strings.Join(paths, ", "), 1000)
}

// named is what stands in a path where its route has {name}.
func named(pattern, path string) string {
	_, shape, _ := strings.Cut(pattern, " ")
	is := strings.Split(path, "/")
	for i, part := range strings.Split(shape, "/") {
		if part == "{name}" && i < len(is) {
			return short(is[i], 100)
		}
	}
	return ""
}

// remote is the address at the other end of the connection. What headers say of
// others before it is a claim.
func remote(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return short(r.RemoteAddr, 100)
	}
	return host
}

// short bounds what a caller chose, and makes it text.
func short(text string, most int) string {
	if len(text) > most {
		text = text[:most] + "..."
	}
	return strings.ToValidUTF8(text, "?")
}

// record writes an entry, or counts it.
func (a *auditor) record(e api.AuditEntry, away bool) {
	if away && a.counted(e) {
		return
	}
	a.append(e)
}

// counted tells whether a request that was turned away is one too many. The first
// of these has all of them written down when the minute is over.
func (a *auditor) counted(e api.AuditEntry) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.away[e.Actor]
	if t == nil {
		t = &turned{}
		a.away[e.Actor] = t
		time.AfterFunc(time.Minute, func() { a.over(e.Actor) })
	}
	if t.recorded++; t.recorded <= turnedAwayAMinute {
		return false
	}
	e.Times = t.more.Times + 1
	t.more = e
	return true
}

// over ends a minute.
func (a *auditor) over(actor string) {
	a.mu.Lock()
	t := a.away[actor]
	delete(a.away, actor)
	a.mu.Unlock()
	if t != nil && t.more.Times > 0 {
		e := t.more
		e.Detail = fmt.Sprintf("%d requests within a minute were turned away, of which this is the last: %s", e.Times, e.Detail)
		a.append(e)
	}
}

// append writes an entry. A change that cannot be recorded stands: it is done
// already. Then the server's log has the entry, /readyz says so, and the next
// entry is preceded by one that says how many are missing.
func (a *auditor) append(e api.AuditEntry) {
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.close()
	if err == nil {
		err = a.log.AppendAudit(context.Background(), e)
	}
	if err == nil {
		return
	}
	a.gap++
	a.broken = err
	text, _ := json.Marshal(e)
	a.s.log.Error("the audit log cannot be written", "entry", string(text), "error", err)
}

// close writes how many entries are missing, once it can be.
func (a *auditor) close() error {
	if a.gap == 0 {
		return nil
	}
	err := a.log.AppendAudit(context.Background(), api.AuditEntry{Time: api.At(time.Now()), Outcome: api.AuditFailed, Times: a.gap,
		Detail: fmt.Sprintf("%d entries before this one could not be written; the server's log has them: %v", a.gap, a.broken)})
	if err == nil {
		a.gap, a.broken = 0, nil
	}
	return err
}

// ready tries again where the last entry could not be written.
func (a *auditor) ready() error {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.close(); err != nil {
		return errors.Join(errors.New("changes are made, but the audit log cannot be written"), err)
	}
	return nil
}
