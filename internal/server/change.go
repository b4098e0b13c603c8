package server

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/controller"
)

// Why is what every change may be given. It is exported, as Named and others are,
// because huma looks into exported embedded structs only.
type Why struct {
	Message string `query:"message" maxLength:"1000" doc:"why, for the record"`
	IfMatch string `header:"If-Match" doc:"only if the service is still at this revision: the ETag of an earlier answer" example:"\"17\""`
}

func (p Why) by(ctx context.Context) (controller.By, error) {
	by := controller.By{Actor: identityOf(ctx), Message: p.Message}
	if p.IfMatch == "" || p.IfMatch == "*" {
		return by, nil
	}
	digits := strings.Trim(p.IfMatch, `"`)
	revision, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || revision == 0 {
		refused := newProblem(http.StatusUnprocessableEntity, codeInvalid,
			"If-Match: "+strconv.Quote(p.IfMatch)+` is no revision; "17" is how one is written`, "send the ETag of an answer that shows the service")
		return by, refused
	}
	by.IfRevision = revision
	return by, nil
}

// Answer is the body of an answered change: the service as it is now, and what
// became of the change.
type Answer struct {
	api.Service
	Changed bool   `json:"changed" doc:"false: there was nothing to change"`
	Text    string `json:"text" doc:"what was done, one line for a person"`
}

type answerOutput struct {
	ETag     string `header:"ETag" doc:"the revision"`
	Location string `header:"Location" doc:"of a service that was created"`
	Body     Answer
}

// answered shows an outcome. Its warnings are those about the file just given,
// not the standing ones of the service.
func answered(outcome controller.Outcome, err error) (*answerOutput, error) {
	if err != nil {
		return nil, err
	}
	out := &answerOutput{
		ETag: etag(outcome.Service.Revision),
		Body: Answer{Service: outcome.Service, Changed: outcome.Changed, Text: outcome.Text},
	}
	out.Body.Warnings = outcome.Warnings
	return out, nil
}

// etag is the revision as a validator for If-Match. It counts changes of intent,
// so it is of no use to a cache: answers are marked no-store.
func etag(revision uint64) string { return `"` + strconv.FormatUint(revision, 10) + `"` }
