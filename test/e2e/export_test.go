package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
)

// TestExportIntoAnotherServer carries a service with two versions to another
// server under another name, and back, and has it serve there.
func TestExportIntoAnotherServer(t *testing.T) {
	here := parallel(t)
	there := newPlane(t)
	here.create(here.file("model", 1).with(ending(true, "idle", 30)))
	here.change(http.MethodPut, "/services/model?message=warmer", object{"containers": []object{here.container("two")}})
	here.settled("model", 2)
	file := filepath.Join(t.TempDir(), "model.json")
	here.sluice(0, "export", "model", "-o", file)

	said := there.sluice(0, "import", file, "--name", "copy")
	contains(t, "the import", said, "2 versions are imported; the service is stopped")
	if list := there.replicas("copy"); len(list) != 0 {
		t.Errorf("replicas started by themselves: %+v", list)
	}
	if a, b := carried(t, here.sluice(0, "export", "model"), "model"), carried(t, there.sluice(0, "export", "copy"), "copy"); a != b {
		t.Errorf("exported again it is\n%s\nwas\n%s", b, a)
	}
	there.sluice(0, "start", "copy", "--wait")
	s := there.service("copy")
	if s.CurrentVersion != 2 || s.Replicas.Ready != 1 {
		t.Errorf("started: %+v", s)
	}
	_, gateway := there.addr()
	resp, err := http.Get(gateway + "/api/predict/copy/live")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusOK || resp.Header.Get("X-Sluice-Version") != "2" {
		t.Errorf("a request: %d from version %s: %s", resp.StatusCode, resp.Header.Get("X-Sluice-Version"), body)
	}
	there.sluice(0, "rollback", "copy", "--to", "1", "--wait")
	if s := there.settled("copy", 1); s.LatestVersion != 2 {
		t.Errorf("rolled back: %+v", s)
	}
}

// carried is an export without what differs between two servers.
func carried(t *testing.T, text, name string) string {
	t.Helper()
	var e api.Export
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	e.ExportedAt = api.Time{}
	var events []api.Event
	for _, event := range e.Events {
		if event.Seq = 0; event.Reason != "Imported" {
			event.Message = ""
			events = append(events, event)
		}
	}
	e.Events = events
	plain, err := json.MarshalIndent(e, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	quoted := fmt.Sprintf("%q", name)
	return strings.NewReplacer(quoted, `"NAME"`, `"`+name+`-`, `"NAME-`, " "+name+"-", " NAME-", " "+name+"`", " NAME`").Replace(string(plain))
}

// TestDiffWithAFile compares what runs with a file that is on disk.
func TestDiffWithAFile(t *testing.T) {
	p := parallel(t)
	p.create(p.file("model", 2).with(ending(true, "idle", 30)))
	text := p.sluice(0, "version", "model", "1", "--file")
	file := filepath.Join(t.TempDir(), "service.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(text)
	contains(t, "the diff with its own file", p.sluice(0, "diff", "model", "-f", file), "version 1 and", "do not differ")
	contains(t, "applying it", p.sluice(0, "apply", "-f", file), "nothing to change")
	write(strings.Replace(text, "termination_grace_period: 30", "termination_grace_period: 5", 1))
	contains(t, "the diff with what was edited", p.sluice(0, "diff", "model", "-f", file),
		"~ metadata.eas.termination_grace_period: 30 -> 5")
	contains(t, "beside each other", p.sluice(0, "diff", "model", "1", "-f", file, "-y"), "termination_grace_period: 30 ", "| ", "termination_grace_period: 5")
	contains(t, "applying what was edited", p.sluice(0, "apply", "-f", file, "--wait"), "version 2")
	contains(t, "the versions", p.sluice(0, "versions", "model"), "termination_grace_period 30 -> 5")
}
