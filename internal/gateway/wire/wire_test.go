package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/internal/traffic"
)

func TestBucketAgreesWithBounds(t *testing.T) {
	bounds := Bounds()
	if len(bounds) != Buckets-1 {
		t.Fatalf("%d bounds for %d buckets", len(bounds), Buckets)
	}
	naive := func(d time.Duration) int {
		for i, bound := range bounds {
			if d <= time.Duration(bound*1e6+0.5)*time.Microsecond {
				return i
			}
		}
		return Buckets - 1
	}
	for _, d := range []time.Duration{-1, 0, 1, time.Microsecond, 127 * time.Microsecond, 128 * time.Microsecond,
		128*time.Microsecond + 1, 192 * time.Microsecond, 193 * time.Microsecond, 256 * time.Microsecond, 257 * time.Microsecond,
		time.Millisecond, 17 * time.Millisecond, time.Second, time.Minute, 134 * time.Second, 135 * time.Second, 536 * time.Second, 537 * time.Second, time.Hour,
		136 * time.Microsecond, 136*time.Microsecond + 1, 271 * time.Microsecond, 272 * time.Microsecond, 273 * time.Microsecond} {
		if got, want := Bucket(d), naive(d); got != want {
			t.Errorf("Bucket(%v) = %d, want %d", d, got, want)
		}
	}
}

func TestReaderBoundsLines(t *testing.T) {
	long := `{"refused":"` + strings.Repeat("x", 40_000) + `"}` + "\n"
	var down Down
	if err := NewReader(strings.NewReader(long)).Read(&down); err != nil || len(down.Refused) != 40_000 {
		t.Errorf("a long line: %v", err)
	}
	r := NewReader(strings.NewReader(long))
	r.max = 20_000
	if err := r.Read(&down); !errors.Is(err, ErrLineTooLong) {
		t.Errorf("a line over the limit: %v", err)
	}
	if err := NewReader(strings.NewReader(`{"refu`)).Read(&down); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("half a line: %v", err)
	}
	if err := NewReader(strings.NewReader("")).Read(&down); !errors.Is(err, io.EOF) {
		t.Errorf("nothing: %v", err)
	}
}

func TestPartsRoundTrip(t *testing.T) {
	whole := Table{Revision: 5, Full: true, Withdrawn: []string{"x", "y"}}
	for i := range 30 {
		whole.Routes = append(whole.Routes, traffic.Route{Service: fmt.Sprint(i), Endpoints: make([]traffic.Endpoint, 999)})
	}
	for i := range 30 {
		whole.Groups = append(whole.Groups, traffic.Group{Name: fmt.Sprint("g", i), Members: make([]traffic.Member, 99), Rules: make([]traffic.Rule, 2)})
	}
	for _, table := range []Table{whole, {Revision: 1}} {
		parts := Parts(table)
		if len(table.Routes) > 0 && len(parts) != 4 {
			t.Errorf("%d parts, want 4", len(parts))
		}
		var a Assembly
		var buffer bytes.Buffer
		for _, p := range parts {
			Write(&buffer, &Down{Table: &p})
		}
		in := NewReader(&buffer)
		for i := range parts {
			var down Down
			if err := in.Read(&down); err != nil {
				t.Fatal(err)
			}
			got, complete := a.Add(*down.Table)
			if complete != (i == len(parts)-1) {
				t.Fatalf("complete after part %d of %d", i+1, len(parts))
			}
			if complete && (len(got.Routes) != len(table.Routes) || len(got.Groups) != len(table.Groups) || len(got.Withdrawn) != len(table.Withdrawn) || got.Full != table.Full || got.Revision != table.Revision) {
				t.Errorf("put together: %d routes", len(got.Routes))
			}
		}
	}
}
