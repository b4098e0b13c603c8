// Package image asks registries which image a reference means, and whether an
// image still exists. It reads nothing but manifests' digests and pulls nothing.
//
// Credentials are those of `docker login`: ~/.docker/config.json and its helpers.
// Registries at loopback and private addresses are spoken to without TLS where
// they have none. Package content is its only caller.
package image

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"sluice.dev/sluice/internal/history"
)

const (
	patience   = 20 * time.Second // with a registry, for one question
	maxAnswers = 10_000
)

// Registries remembers the last answer about each image.
type Registries struct {
	patience time.Duration
	mu       sync.Mutex
	last     map[string]answer // by reference@digest
}

type answer struct {
	now history.Condition
	why string
}

// New has no answers yet.
func New() *Registries { return &Registries{patience: patience, last: map[string]answer{}} }

// Digest is what a reference means now: "sha256:...". A reference by digest says
// so itself, and nobody is asked.
func (r *Registries) Digest(ctx context.Context, reference string) (string, error) {
	ref, err := parse(reference)
	if err != nil {
		return "", err
	}
	if d, ok := ref.(name.Digest); ok {
		return d.DigestStr(), nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	return ask(ctx, ref)
}

func parse(reference string) (name.Reference, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, fmt.Errorf("image %q is not a reference: %w; write REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:DIGEST", reference, err)
	}
	return ref, nil
}

// ask is the digest of what a registry has. Some answer HEAD without one, or not
// at all.
func ask(ctx context.Context, ref name.Reference) (string, error) {
	options := []remote.Option{
		remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithRetryBackoff(remote.Backoff{Duration: 200 * time.Millisecond, Factor: 3, Jitter: 0.1, Steps: 3}),
	}
	head, err := remote.Head(ref, options...)
	if err == nil {
		return head.Digest.String(), nil
	}
	if ctx.Err() != nil || refused(err) != 0 && refused(err) != http.StatusMethodNotAllowed {
		return "", err
	}
	got, err := remote.Get(ref, options...)
	if err != nil {
		return "", err
	}
	return got.Digest.String(), nil
}

// refused is the status of a registry that answered with an error, 0 without.
func refused(err error) int {
	var e *transport.Error
	if errors.As(err, &e) {
		return e.StatusCode
	}
	return 0
}

// Compare tells whether the image that a reference meant is still there. The
// digest counts, not the tag: where the tag means another image by now, the
// reason of Same says so. Only with full the registry is asked; else its last
// answer counts. A registry that cannot be reached or refuses the credentials
// leaves it Unsure.
func (r *Registries) Compare(ctx context.Context, reference, digest string, full bool) (history.Condition, string) {
	if digest == "" {
		return history.Unsure, fmt.Sprintf("the registry did not say which image %s was when the version was made", reference)
	}
	key := reference + "@" + digest
	if !full {
		r.mu.Lock()
		defer r.mu.Unlock()
		if a, ok := r.last[key]; ok {
			return a.now, a.why
		}
		return history.Unsure, fmt.Sprintf("the registry of %s was not asked yet", reference)
	}
	ctx, cancel := context.WithTimeout(ctx, r.patience)
	defer cancel()
	now, why := compare(ctx, reference, digest)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, known := r.last[key]; !known && len(r.last) >= maxAnswers {
		clear(r.last)
	}
	if now != history.Unsure || r.last[key].now == "" {
		r.last[key] = answer{now, why} // an answer is worth more than a later silence
	}
	return now, why
}

func compare(ctx context.Context, reference, digest string) (history.Condition, string) {
	ref, err := parse(reference)
	if err != nil {
		return history.Unsure, err.Error()
	}
	exact, err := name.NewDigest(ref.Context().Name() + "@" + digest)
	if err != nil {
		return history.Unsure, fmt.Sprintf("%q is not the digest of an image: %v", digest, err)
	}
	if _, err := ask(ctx, exact); err != nil {
		switch status := refused(err); {
		case status == http.StatusNotFound:
			return history.Missing, fmt.Sprintf("the registry %s does not have %s any more", exact.RegistryStr(), exact)
		case status == http.StatusUnauthorized || status == http.StatusForbidden:
			return history.Unsure, fmt.Sprintf("the registry %s does not let this server ask for %s: %v; `docker login` as the server's user gives it credentials", exact.RegistryStr(), exact, err)
		}
		return history.Unsure, fmt.Sprintf("the registry %s was asked for %s and gave no answer: %v", exact.RegistryStr(), exact, err)
	}
	tag, isTag := ref.(name.Tag)
	if !isTag {
		return history.Same, ""
	}
	switch means, err := ask(ctx, tag); {
	case err != nil && refused(err) == http.StatusNotFound:
		return history.Same, fmt.Sprintf("the tag of %s does not exist any more; %s does", reference, digest)
	case err == nil && !strings.EqualFold(means, digest):
		return history.Same, fmt.Sprintf("the tag of %s means %s by now; the version has %s", reference, means, digest)
	}
	return history.Same, ""
}
