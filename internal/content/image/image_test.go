package image

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"sluice.dev/sluice/internal/history"
)

// box is a registry on loopback; while refuse is not 0, it answers only that.
type box struct {
	*httptest.Server
	refuse atomic.Int32
	noHead atomic.Bool
}

func newBox(t *testing.T) *box {
	t.Helper()
	t.Setenv("DOCKER_CONFIG", t.TempDir()) // no credentials of this machine
	real := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	b := &box{}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch code := int(b.refuse.Load()); {
		case code != 0:
			w.WriteHeader(code)
		case r.Method == http.MethodHead && b.noHead.Load():
			w.WriteHeader(http.StatusMethodNotAllowed)
		default:
			real.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *box) reference() string {
	return strings.TrimPrefix(b.URL, "http://") + "/models/sentiment:v1"
}

// push gives the tag another image, and tells its digest.
func (b *box) push(t *testing.T, seed int64) string {
	t.Helper()
	img, err := random.Image(64, seed)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(b.reference())
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, img); err != nil {
		t.Fatal(err)
	}
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return digest.String()
}

func TestDigest(t *testing.T) {
	b := newBox(t)
	want := b.push(t, 1)
	r := New()
	ctx := context.Background()
	if got, err := r.Digest(ctx, b.reference()); err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	b.noHead.Store(true)
	if got, err := r.Digest(ctx, b.reference()); err != nil || got != want {
		t.Errorf("a registry without HEAD: %s, %v; want %s", got, err, want)
	}
	b.refuse.Store(http.StatusForbidden)
	if got, err := r.Digest(ctx, b.reference()); err == nil {
		t.Errorf("refused: %s", got)
	}
	exact := strings.TrimSuffix(b.reference(), ":v1") + "@" + want
	if got, err := r.Digest(ctx, exact); err != nil || got != want {
		t.Errorf("by digest, nobody to ask: %s, %v", got, err)
	}
	if _, err := r.Digest(ctx, "Not A Reference"); err == nil || !strings.Contains(err.Error(), "REGISTRY/NAME:TAG") {
		t.Errorf("no reference: %v", err)
	}
}

func TestCompare(t *testing.T) {
	b := newBox(t)
	digest := b.push(t, 1)
	ctx := context.Background()
	never := "sha256:" + strings.Repeat("0", 64)
	for _, c := range []struct {
		name, digest string
		prepare      func()
		want         history.Condition
		why          string
	}{
		{"there", digest, func() {}, history.Same, ""},
		{"never there", never, func() {}, history.Missing, "does not have"},
		{"never asked for", "", func() {}, history.Unsure, "did not say which image"},
		{"no digest", "abc", func() {}, history.Unsure, "not the digest of an image"},
		{"tag moved", digest, func() { b.push(t, 2) }, history.Same, "by now; the version has " + digest},
		{"not allowed", digest, func() { b.refuse.Store(http.StatusForbidden) }, history.Unsure, "docker login"},
		{"out of order", digest, func() { b.refuse.Store(http.StatusServiceUnavailable) }, history.Unsure, "gave no answer"},
	} {
		b.refuse.Store(0)
		c.prepare()
		r := New()
		if now, _ := r.Compare(ctx, b.reference(), c.digest, false); now != history.Unsure {
			t.Errorf("%s: before anybody asked: %s", c.name, now)
		}
		now, why := r.Compare(ctx, b.reference(), c.digest, true)
		if now != c.want || !strings.Contains(why, c.why) || (why == "") != (c.why == "") {
			t.Errorf("%s: %s, %q; want %s, %q", c.name, now, why, c.want, c.why)
		}
		if again, said := r.Compare(ctx, b.reference(), c.digest, false); again != now || said != why {
			t.Errorf("%s: afterwards %s, %q", c.name, again, said)
		}
	}
}

func TestCompareOfASilentRegistry(t *testing.T) {
	b := newBox(t)
	digest := b.push(t, 1)
	r := New()
	ctx := context.Background()
	if now, why := r.Compare(ctx, b.reference(), digest, true); now != history.Same {
		t.Fatal(now, why)
	}
	b.Close()
	r.patience = 5 * time.Second
	if now, why := r.Compare(ctx, b.reference(), digest, true); now != history.Unsure || why == "" {
		t.Errorf("%s, %q", now, why)
	}
	if now, _ := r.Compare(ctx, b.reference(), digest, false); now != history.Same {
		t.Errorf("the last answer: %s", now)
	}
}
