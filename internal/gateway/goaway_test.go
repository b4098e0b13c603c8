package gateway

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"sluice.dev/sluice/internal/gateway/wire"
)

// TestFraming cuts a stream of frames at every place: a boundary is where all
// frames are whole and no header block is open.
func TestFraming(t *testing.T) {
	var b bytes.Buffer
	w := http2.NewFramer(&b, nil)
	at := map[int]bool{}
	frame := func(boundary bool, err error) {
		if err != nil {
			t.Fatal(err)
		}
		at[b.Len()] = boundary
	}
	frame(true, w.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 16384}))
	frame(true, w.WriteSettingsAck())
	frame(false, w.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte("abc")}))
	frame(false, w.WriteContinuation(1, false, []byte("d")))
	frame(true, w.WriteContinuation(1, true, nil))
	frame(true, w.WriteData(1, true, make([]byte, 300)))
	text := b.Bytes()
	for first := 1; first < len(text); first++ {
		for _, step := range []int{1, 7, len(text)} {
			f := &framing{}
			if !f.begin(text) {
				t.Fatal("that is HTTP/2")
			}
			f.follow(text[:first])
			if f.boundary() != at[first] {
				t.Errorf("after %d bytes: boundary %v, want %v", first, f.boundary(), at[first])
			}
			for rest := text[first:]; len(rest) > 0; rest = rest[min(step, len(rest)):] {
				f.follow(rest[:min(step, len(rest))])
			}
			if !f.boundary() {
				t.Errorf("cut at %d, then by %d: the end is a boundary", first, step)
			}
		}
	}
	for _, other := range []string{"HTTP/1.1 200 OK\r\n", "\x16\x03\x01"} {
		if (&framing{}).begin([]byte(other)) {
			t.Errorf("%q is not HTTP/2", other)
		}
	}
}

// TestHTTP2Leaves: a caller on a silent HTTP/2 connection is told to leave by a
// GOAWAY that rules nothing out, and the request that it sent before it read
// that is answered as any other.
func TestHTTP2Leaves(t *testing.T) {
	s := newSuccession(t)
	revision := s.hub.Publish(routeTo("svc-1", replica(t, answers("yes"))))
	s.hub.Open()
	old := s.start("one", nil)
	s.serves("one", revision)
	conn, _ := dialTo(t, old.Addr())
	io.WriteString(conn, http2.ClientPreface)
	frames := http2.NewFramer(conn, conn)
	frames.WriteSettings()
	if err := told[*http2.SettingsFrame](frames, func(f *http2.SettingsFrame) bool { return !f.IsAck() }); err != nil {
		t.Fatal(err)
	}
	frames.WriteSettingsAck()
	s.start("two", nil)
	s.is("one", wire.Retiring)
	err := told(frames, func(away *http2.GoAwayFrame) bool {
		return away.LastStreamID == 1<<31-1 && away.ErrCode == http2.ErrCodeNo
	})
	if err != nil {
		t.Fatalf("it was not asked to leave: %v", err)
	}
	for id := uint32(1); id < 6; id += 2 {
		request(frames, id)
		if err := told(frames, func(f *http2.DataFrame) bool { return f.StreamID == id && string(f.Data()) == "yes" }); err != nil {
			t.Fatalf("the request that was on its way: %v", err)
		}
	}
	// It is asked once more, with a last stream, if it still asks after a while.
	old.insist.Store(true)
	request(frames, 7)
	if err := told(frames, func(away *http2.GoAwayFrame) bool { return away.LastStreamID == 7 }); err != nil {
		t.Errorf("it was not told that it has to leave: %v", err)
	}
}

// told reads until a frame of this type, the first of which must be right.
func told[F http2.Frame](frames *http2.Framer, right func(F) bool) error {
	for {
		f, err := frames.ReadFrame()
		if err != nil {
			return err
		}
		if f, ok := f.(F); ok {
			if !right(f) {
				return fmt.Errorf("it was told %v", f)
			}
			return nil
		}
	}
}

// request asks for the service on a stream of this number.
func request(frames *http2.Framer, id uint32) {
	var head bytes.Buffer
	encoder := hpack.NewEncoder(&head)
	for _, f := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/api/predict/svc"}} {
		encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]})
	}
	frames.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: head.Bytes(), EndStream: true, EndHeaders: true})
}
