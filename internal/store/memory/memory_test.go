package memory

import (
	"testing"

	"sluice.dev/sluice/internal/store"
	"sluice.dev/sluice/internal/store/storetest"
)

func TestConformance(t *testing.T) {
	storetest.Run(t, func(testing.TB) storetest.Open {
		s := New()
		return func() store.Store { return s }
	})
}
