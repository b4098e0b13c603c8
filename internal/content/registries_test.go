package content

import (
	"context"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/history"
)

// A server without a way out asks nobody, and says why it knows nothing.
func TestNoRegistries(t *testing.T) {
	a, err := Open(t.TempDir(), Options{NoRegistries: true})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	d := a.Digests([]api.File{{Kind: api.FileImage, Path: "127.0.0.1:1/m:1"}})
	if hashed, err := a.Hash(ctx, d); err != nil || len(hashed) != 1 || hashed[0].SHA256 != "" {
		t.Errorf("hashed: %+v %v", hashed, err)
	}
	if now, why := a.Compare(ctx, d[0], true); now != history.Unsure || !strings.Contains(why, "history.ask_registries") {
		t.Errorf("compared: %s %s", now, why)
	}
}
