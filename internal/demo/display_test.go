package demo

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/api"
)

var rewrite = flag.Bool("rewrite", false, "write the recorded texts anew")

// recorded compares a text with the file that was recorded.
func recorded(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; -rewrite records it anew. Got:\n%s", path, got)
	}
}

func someReplicas(version int, phases ...api.ReplicaPhase) []api.Replica {
	list := make([]api.Replica, len(phases))
	for i, phase := range phases {
		list[i] = api.Replica{Version: version, Phase: phase}
	}
	return list
}

// play shows the same few moments on any display.
func play(d display) {
	const ready, starting = api.ReplicaReady, api.ReplicaStarting
	four := someReplicas(1, ready, ready, ready, ready)
	d.say("A release")
	d.begin("start a server", "")
	d.end(true, "after 12 ms")
	d.begin("update to version 2", "sluice update digits --set model_path=models/v2 --wait")
	moments := []view{
		{replicas: append(someReplicas(2, starting), four...), live: live{Sent: 1200, Streams: 4, Rate: 200, Accuracy: 0.8264, Shares: []share{{1, 1}}}, message: "0 of 4 updated"},
		{replicas: append(someReplicas(2, starting), four...), live: live{Sent: 1220, Streams: 4, Rate: 200, Accuracy: 0.83, Shares: []share{{1, 1}}}, message: "0 of 4 updated"},
		{replicas: append(someReplicas(2, ready, starting), someReplicas(1, ready, ready, api.ReplicaUnready, api.ReplicaDraining)...),
			live: live{Sent: 1400, Streams: 3, Lost: 1, Cut: 1, Errors: 12, Rate: 199.7, Accuracy: 0.861, Shares: []share{{1, 0.75}, {2, 0.25}}}, message: "1 of 4 updated, waits for replica digits-2-6 to become ready, and for whatever else there is"},
		{replicas: someReplicas(2, ready, ready, ready, api.ReplicaFailed), live: live{Sent: 1800, Lost: 1, Cut: 1, Rate: 200, Accuracy: -1}},
	}
	for i, v := range moments {
		v.since, v.step = time.Duration(10+i)*time.Second, time.Duration(i)*time.Second
		d.show(v)
		v.since += frame / 2 // too soon to be drawn
		d.show(v)
	}
	d.end(false, "it takes too long")
	d.say("the end")
}

func TestLinesAreWhatAPipeGets(t *testing.T) {
	var b strings.Builder
	play(&lines{out: &b})
	if strings.ContainsRune(b.String(), '\x1b') {
		t.Error("a pipe gets escape sequences")
	}
	recorded(t, "lines.txt", b.String())
}

func TestScreenDrawsOneBlockAgainAndAgain(t *testing.T) {
	var b strings.Builder
	play(&screen{out: &b, columns: func() int { return 80 }})
	recorded(t, "screen.txt", strings.ReplaceAll(b.String(), "\x1b", "ESC"))
}

// What a terminal shows after everything was taken back that is taken back.
func TestScreenLeavesOnlyTheEndOfEachStep(t *testing.T) {
	for _, columns := range []int{30, 80} {
		var b strings.Builder
		play(&screen{out: &b, columns: func() int { return columns }})
		var shown []string
		rest := b.String()
		for rest != "" {
			if up, ok := strings.CutPrefix(rest, "\x1b["); ok {
				n := 0
				for up[0] != 'A' {
					n, up = 10*n+int(up[0]-'0'), up[1:]
				}
				if n > len(shown) {
					t.Fatalf("takes %d lines back where there are %d", n, len(shown))
				}
				shown, rest = shown[:len(shown)-n], strings.TrimPrefix(up, "A\r\x1b[J")
				continue
			}
			line, after, _ := strings.Cut(rest, "\n")
			if n := len([]rune(line)); n >= columns {
				t.Errorf("%d columns, a line has %d: %s", columns, n, line)
			}
			shown, rest = append(shown, line), after
		}
		if len(shown) != 5 || shown[0] != "A release" || shown[4] != "the end" || !strings.HasPrefix(shown[2], "✗ update to version 2") {
			t.Errorf("%d columns, what stays: %q", columns, shown)
		}
	}
}

func TestWrap(t *testing.T) {
	long := strings.Repeat("abcdefg ", 20)
	for line := range strings.Lines(wrap(long)) {
		if n := len(strings.TrimRight(line, "\n")); n > 76 || !strings.HasPrefix(line, "    a") {
			t.Errorf("%d: %q", n, line)
		}
	}
	if got := strings.Join(strings.Fields(wrap(long)), " "); got != strings.TrimSpace(long) {
		t.Errorf("words are lost: %q", got)
	}
}
