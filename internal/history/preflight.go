package history

import (
	"strings"

	"sluice.dev/sluice/api"
)

// Verdicts of a preflight (design rule 26), from the best to the worst.
const (
	VerdictOK      = "ok"
	VerdictUnknown = "unknown"
	VerdictChanged = "changed"
	VerdictMissing = "missing"
)

// Facts is what was found out about the things that a version needs to run.
type Facts struct {
	Config   string   // why its configuration is not accepted any more, "" when it is
	Capacity string   // why its replicas can never fit, "" when they can
	Start    string   // why this machine could not start a replica now, "" when it could
	Unset    []string // secrets whose value is not known here
	Files    []FileFact
	// Images tells that replicas run the image; otherwise it is only recorded.
	Images bool
}

// FileFact is how one recorded file stands.
type FileFact struct {
	Digest api.Digest
	Now    Condition
	Why    string // names the file and what differs, "" when it is the same
	Kept   bool   // a whole copy is kept, which is run in its stead
}

// Preflight says whether a rollback to a version would work. The verdict is the
// worst of what would make it fail; what cannot be found out makes it unknown
// and never fails. CheckedAt is for the caller.
//
//	model changed, no copy kept    changed   blocks
//	model changed, a copy is kept  ok
//	/usr/bin/python3 changed       ok, and the finding says changed: what the
//	                               system brings is run as it is
func Preflight(f Facts) api.Preflight {
	r := report{api.Preflight{Verdict: VerdictOK, Findings: []api.Finding{}}}
	r.whether("configuration", f.Config, "it is still accepted")
	if len(f.Unset) > 0 {
		r.add("secrets", VerdictMissing, "not known on this server: "+strings.Join(f.Unset, ", ")+"; set them with an update", true)
	}
	for _, file := range f.Files {
		r.file(file, f.Images)
	}
	if f.Start == "" || len(Obstacles(r.Preflight)) == 0 { // else it is said better already
		r.whether("start", f.Start, "this machine has what a replica is started with")
	}
	r.whether("capacity", f.Capacity, "its replicas can fit")
	return r.Preflight
}

type report struct{ api.Preflight }

// add notes a finding; counts tells that the verdict is no better than it.
func (r *report) add(subject, verdict, reason string, counts bool) {
	blocks := counts && (verdict == VerdictMissing || verdict == VerdictChanged)
	r.Findings = append(r.Findings, api.Finding{Subject: subject, Verdict: verdict, Reason: reason, Blocks: blocks})
	if counts && ranks[verdict] > ranks[r.Verdict] {
		r.Verdict = verdict
	}
}

func (r *report) whether(subject, why, fine string) {
	if why == "" {
		r.add(subject, VerdictOK, fine, true)
		return
	}
	r.add(subject, VerdictMissing, why, true)
}

func (r *report) file(f FileFact, images bool) {
	d := f.Digest
	name := subject(d)
	verdict := VerdictUnknown
	if f.Now != Unsure {
		verdict = string(f.Now)
	}
	switch {
	case f.Now == Same:
		r.add(name, VerdictOK, "as recorded"+copyOf(f), true)
	case f.Kept:
		r.add(name, VerdictOK, f.Why+"; the kept copy is run", true)
	case d.Kind == api.FileImage && !images:
		r.add(name, verdict, f.Why+"; replicas are processes here and do not need it", false)
	case d.System && f.Now != Missing:
		r.add(name, verdict, f.Why+"; what the system brings is run as it is", false)
	case d.Stat == "" && d.Kind != api.FileImage && f.Now != Missing:
		r.add(name, VerdictUnknown, d.Path+" was not there when the version was made", true)
	case f.Now == Changed:
		r.add(name, verdict, f.Why+", and no copy was kept", true)
	default:
		r.add(name, verdict, f.Why, true)
	}
}

// copyOf says of a file that is as recorded what happens when it is no more.
func copyOf(f FileFact) string {
	switch {
	case f.Digest.Kind == api.FileImage, f.Digest.System:
		return ""
	case f.Kept:
		return ", and a copy is kept"
	}
	return ", and no copy is kept"
}

func subject(d api.Digest) string { return subjectOf(d.Kind) + " " + d.Path }

func subjectOf(kind api.FileKind) string {
	switch kind {
	case api.FileWarmUp:
		return "warm-up data"
	case api.FileModel, api.FileProgram, api.FileImage:
		return string(kind)
	}
	return "file"
}

var ranks = map[string]int{VerdictOK: 0, VerdictUnknown: 1, VerdictChanged: 2, VerdictMissing: 3}

// Obstacles are the reasons why a rollback would fail, none when it would not.
func Obstacles(p api.Preflight) []string {
	var reasons []string
	for _, f := range p.Findings {
		if !f.Blocks {
			continue
		}
		reason := f.Subject + ": " + f.Reason
		if kind, path, _ := strings.Cut(f.Subject, " "); path != "" && strings.HasPrefix(f.Reason, path) {
			reason = kind + " " + f.Reason // the file is named once
		}
		reasons = append(reasons, reason)
	}
	return reasons
}
