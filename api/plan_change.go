package api

// BatchChange changes the settings of automatic batches; nil leaves one as it is.
type BatchChange struct {
	Size     *Count    `json:"size,omitempty" doc:"replicas in a batch: 3 or \"25%\" (the default)"`
	Interval *Interval `json:"interval,omitempty" doc:"from the completion of a batch to the start of the next: 90s, 5m, 1h"`
}

// PlanChange makes or changes an update plan; what is nil stays as it is. At
// least one field is given, and at most one of TargetUpdated and Batch: they are
// the two modes (rule 15).
type PlanChange struct {
	TargetUpdated *Count       `json:"target_updated,omitempty" doc:"manual: how many replicas shall run the new version, 3 or \"20%\" (rounded up)"`
	Batch         *BatchChange `json:"batch,omitempty" doc:"automatic"`
	Paused        *bool        `json:"paused,omitempty" doc:"true pauses, false resumes; of a pending plan: its rollout begins paused"`
	OnFailure     *OnFailure   `json:"on_failure,omitempty" enum:"pause,rollback" doc:"what a failed new replica leads to; pause is the default"`
	Gates         *[]Gate      `json:"gates,omitempty" doc:"what each batch must pass before the next one begins, all of them; an empty list for none"`
}

// Check tells what is wrong with the change by itself: *InvalidError, or nil.
func (ch PlanChange) Check() error {
	c := newPlanReader()
	switch {
	case ch == PlanChange{}:
		c.wrong("", nil, "the change is empty; give target_updated (manual), batch (automatic), gates, on_failure or paused")
	case ch.TargetUpdated != nil && ch.Batch != nil:
		c.wrong("batch", nil, "target_updated (manual) and batch (automatic) are two modes of which a plan has one; give one of them")
	case ch.Batch != nil && *ch.Batch == BatchChange{}:
		c.wrong("batch", nil, "it is empty; give size, interval or both")
	}
	if b := ch.Batch; b != nil && b.Size != nil && b.Size.Value < 1 {
		c.wrong("batch.size", b.Size, "a batch has at least 1 replica, or 1%%")
	}
	if f := ch.OnFailure; f != nil && *f != FailurePauses && *f != FailureRollsBack {
		c.wrong("on_failure", *f, "%q and %q are allowed", FailurePauses, FailureRollsBack)
	}
	if ch.Gates != nil {
		_, problems := GateRules("gates", *ch.Gates)
		c.problems = append(c.problems, problems...)
	}
	return c.err()
}

// OnlyPauses tells a change that pauses or resumes and does nothing else.
func (ch PlanChange) OnlyPauses() bool {
	return ch.Paused != nil && ch == PlanChange{Paused: ch.Paused}
}

// ParsePlanChange reads a change from JSON or YAML and checks it. Its error is an
// *InvalidError that names every field that is wrong.
func ParsePlanChange(data []byte) (ch PlanChange, err error) {
	c := newPlanReader()
	c.body(data, `{"target_updated": 2} or {"batch": {"size": "25%", "interval": "5m"}}`, map[string]any{
		"target_updated": &ch.TargetUpdated, "paused": &ch.Paused, "on_failure": &ch.OnFailure, "gates": &ch.Gates,
		"batch": func(fields map[string]any) {
			ch.Batch = &BatchChange{}
			c.object("batch.", fields, map[string]any{"size": &ch.Batch.Size, "interval": &ch.Batch.Interval})
		},
	})
	if err := c.err(); err != nil {
		return ch, err
	}
	return ch, ch.Check()
}

// InvalidPlan is the error of a field that is wrong for the service as it is.
func InvalidPlan(path string, value any, format string, args ...any) *InvalidError {
	return &InvalidError{What: planWhat, Problems: []FieldProblem{problem(path, value, format, args...)}}
}

const planWhat = "the update plan"

func newPlanReader() *changeReader {
	return &changeReader{what: planWhat, allowed: map[string]string{"paused": "true or false", "on_failure": `"pause" or "rollback"`}}
}
