package cli

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/client"
	"sluice.dev/sluice/internal/verify"
)

// The exit codes (design.md 2b).
const (
	exitDone      = 0 // the state that the command asked for is reached
	exitFailed    = 1 // time is up, or Sluice itself could not do it
	exitUsage     = 2 // wrong usage, or an invalid file
	exitNotFound  = 3
	exitRefused   = 4
	exitOtherwise = 5 // it ended in another state than the command asked for
)

// usageError is a command that was written wrongly.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// Usagef is the error for a command that was written wrongly: exit code 2.
func Usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// otherwiseError is a change that ended in another state than was asked for.
type otherwiseError struct{ text string }

func (e *otherwiseError) Error() string { return e.text }

// refusedError says that what was asked about would be refused.
type refusedError struct{ text string }

func (e *refusedError) Error() string { return e.text }

// unfinishedError says that waiting was given up: --timeout is over, or Ctrl-C.
type unfinishedError struct{ text string }

func (e *unfinishedError) Error() string { return e.text }

// ExitCode is the exit code for the error of a command, 0 for none.
func ExitCode(err error) int {
	var (
		usage     *usageError
		invalid   *api.InvalidError
		otherwise *otherwiseError
		problem   *client.Problem
		unsent    *verify.RefusedError
		refused   *refusedError
	)
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &usage), errors.As(err, &invalid):
		return exitUsage
	case errors.As(err, &otherwise):
		return exitOtherwise
	case errors.As(err, &unsent), errors.As(err, &refused):
		return exitRefused
	case errors.As(err, &problem) && problem.Code != "": // else it is not Sluice that answers
		return problemCode(problem.Status)
	}
	return exitFailed
}

func problemCode(status int) int {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		return exitUsage
	case http.StatusNotFound:
		return exitNotFound
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusConflict, http.StatusPreconditionFailed:
		return exitRefused
	}
	return exitFailed
}

// explain is what is said about an error, with what to do next.
func explain(err error) string {
	var unreachable *client.UnreachableError
	var problem *client.Problem
	var unfinished *unfinishedError
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.As(err, &unfinished):
		return err.Error()
	case errors.Is(err, context.Canceled):
		return "interrupted"
	case errors.As(err, &untrusted):
		return err.Error() + "; if it is signed by an authority of your own, name that one's file with --ca or $SLUICE_CA"
	case errors.As(err, &unreachable):
		return err.Error() + "; start it with `sluice server`, or name another with --server or $SLUICE_SERVER"
	case errors.As(err, &problem) && len(problem.Errors) > 0:
		return listed(err.Error(), problem, problem.Errors)
	}
	return err.Error()
}

// listed adds every field that is wrong, one a line. One alone is the detail
// already.
func listed(text string, p *client.Problem, fields []api.FieldProblem) string {
	if len(fields) == 1 && strings.Contains(p.Detail, fields[0].Message) {
		return text
	}
	for _, f := range fields {
		text += "\n  " + f.String()
	}
	return text
}

// trimmed is cobra's error without the empty lines around its suggestions.
func trimmed(err error) error {
	text := strings.TrimSpace(err.Error())
	text = strings.ReplaceAll(text, "\n\nDid you mean this?\n\t", "; did you mean ")
	return errors.New(strings.ReplaceAll(text, "\n\t", " or "))
}

// flagError says of a flag's value what is allowed, where Go's parsers speak of
// themselves, and of an unknown flag which was probably meant.
func flagError(cmd *cobra.Command, err error) error {
	var value *pflag.InvalidValueError
	if errors.As(err, &value) {
		if allowed := map[string]string{"int": "a whole number", "float64": "a number", "duration": "a duration such as 90s, 5m or 1h"}[value.GetFlag().Value.Type()]; allowed != "" {
			return fmt.Errorf("--%s: %q is not %s; it is: %s", value.GetFlag().Name, value.GetValue(), allowed, value.GetFlag().Usage)
		}
	}
	return nearestFlag(cmd, err)
}

// nearestFlag adds the flag that was probably meant.
func nearestFlag(cmd *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return err
	}
	name, near, distance := unknown.GetSpecifiedName(), "", 3
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if d := levenshtein.ComputeDistance(name, f.Name); d < distance {
			near, distance = f.Name, d
		}
	})
	if near == "" {
		return err
	}
	return fmt.Errorf("%w; did you mean --%s", err, near)
}

// takes says which arguments a command takes, such as "NAME", "N".
func takes(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return fmt.Errorf("%s is missing", strings.Join(names[len(args):], " and "))
		}
		if len(args) > len(names) {
			return fmt.Errorf("unexpected argument %q", args[len(names)])
		}
		if i := slices.Index(args, ""); i >= 0 {
			return fmt.Errorf("%s is empty", names[i])
		}
		return nil
	}
}
