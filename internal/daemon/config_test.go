package daemon

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice.dev/sluice/internal/certs/certstest"
	"sluice.dev/sluice/internal/rollout"
)

func TestCheckListen(t *testing.T) {
	if err := (Config{}).checkListen(socket{flag: "--listen", address: "0.0.0.0:7070", encrypted: true}); err != nil {
		t.Errorf("encrypted: %v", err)
	}
	for _, c := range []struct {
		address  string
		insecure bool
		refusal  string
	}{
		{"127.0.0.1:7070", false, ""},
		{"[::1]:7070", false, ""},
		{"localhost:0", false, ""},
		{"0.0.0.0:7070", false, "--insecure"},
		{":7070", false, "--insecure"},
		{"192.168.1.5:7070", false, "--insecure"},
		{"example.org:7070", false, "--insecure"},
		{"0.0.0.0:7070", true, ""},
		{"7070", true, "host:port"},
	} {
		err := Config{Insecure: c.insecure}.checkListen(socket{flag: "--listen", address: c.address, encrypt: "or encrypt it"})
		switch {
		case c.refusal == "" && err != nil:
			t.Errorf("%s: %v", c.address, err)
		case c.refusal != "" && (err == nil || !strings.Contains(err.Error(), c.refusal) || !strings.Contains(err.Error(), c.address)):
			t.Errorf("%s: %v, want it refused, with a word about %s", c.address, err, c.refusal)
		}
	}
}

func TestConfigurationFile(t *testing.T) {
	for _, c := range []struct {
		text, refusal string
	}{
		{"", ""},
		{"resource_groups:\n  box: {kind: dedicated, elastic_pool: true}\n", ""},
		{"resource_groups:\n  box: {kind: dedicatd}\n", "resource_groups.box.kind"},
		{"resource_group: {}\n", "resource_group"},
		{"resource_groups: {box: {kind: dedicated, elastic_pool: true, capacity: {cpu: 7.5, memory: 64000, gpus: [\"0\", \"GPU-8f\"]}}}\n", ""},
		{"resource_groups: {box: {kind: dedicated, elastic_pool: true, capacity: {gpu: 2}}}\n", ""},
		{"resource_groups: {box: {kind: quota, capacity: {cpu: -1}}}\n", "resource_groups.box.capacity.cpu: -1"},
		{"resource_groups: {box: {kind: quota, capacity: {memory: -1}}}\n", "resource_groups.box.capacity.memory: -1"},
		{"resource_groups: {box: {kind: quota, capacity: {gpu: 1025}}}\n", "resource_groups.box.capacity.gpu: 1025"},
		{"resource_groups: {box: {kind: quota, capacity: {gpu: 1, gpus: [\"0\", \"1\"]}}}\n", "leave one of them out"},
		{"resource_groups: {box: {kind: quota, capacity: {gpus: [\"0\", \"0\"]}}}\n", "resource_groups.box.capacity.gpus[1]"},
		{"resource_groups: {box: {kind: quota, capacity: {gpus: [\"0,1\"]}}}\n", "resource_groups.box.capacity.gpus[0]"},
		{"resource_groups: {box: {kind: quota, capacity: {gpsu: 1}}}\n", "gpsu"},
		{"resource_groups: {box: {kind: dedicated, elastic_pool: true}}\ngateway: {slow_start_seconds: 2.5}\n", ""},
		{"gateway: {slow_start_seconds: -1}\n", "gateway.slow_start_seconds: -1"},
		{"gateway: {slow_start_seconds: .inf}\n", "gateway.slow_start_seconds"},
		{"gateway: {max_body_bytes: many}\n", "max_body_bytes"},
		{"resource_groups: {box: {kind: dedicated, elastic_pool: true}}\nhistory: {artifacts_max_bytes: 5368709120, artifacts_cheap_bytes: 0}\n", ""},
		{"history: {artifacts_max_bytes: -1}\n", "history.artifacts_max_bytes: -1"},
		{"history: {artifacts_cheap_bytes: -2}\n", "history.artifacts_cheap_bytes: -2"},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "server.yaml"), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := Config{Data: dir}.readFile()
		if (err != nil) != (c.refusal != "") || err != nil && !strings.Contains(err.Error(), c.refusal) {
			t.Errorf("%q: %v, want a refusal that names %q", c.text, err, c.refusal)
		}
		if g := f.resources()["box"]; err == nil && c.text != "" && (g.Kind != rollout.Dedicated || !g.Elastic) {
			t.Errorf("%q: %+v", c.text, f)
		}
	}
	if _, err := (Config{Data: t.TempDir()}).readFile(); err != nil {
		t.Errorf("no file: %v", err)
	}
	if _, err := (Config{Data: t.TempDir(), File: "/nowhere.yaml"}).readFile(); err == nil {
		t.Error("a file that was named and is not there is accepted")
	}
}

func TestAdminTokenIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	first, err := adminToken(dir)
	if err != nil || len(first) < 20 {
		t.Fatalf("%q, %v", first, err)
	}
	if again, err := adminToken(dir); again != first || err != nil {
		t.Errorf("then %q, %v", again, err)
	}
	info, err := os.Stat(TokenFile(dir))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestSlowStart(t *testing.T) {
	seconds := func(s float64) *float64 { return &s }
	for _, c := range []struct {
		given *float64
		want  time.Duration
	}{{nil, 0}, {seconds(0), -1}, {seconds(2.5), 2500 * time.Millisecond}} {
		if got := (GatewayLimits{SlowStartSeconds: c.given}).slowStart(); got != c.want {
			t.Errorf("%v: %v, want %v", c.given, got, c.want)
		}
	}
}

func TestCertificateOfTheGateway(t *testing.T) {
	data := t.TempDir()
	certstest.New(t).Write("gateway", filepath.Join(data, "tls.crt"), filepath.Join(data, "tls.key"))
	for _, c := range []struct{ cert, key, wantCert, refusal string }{
		{"", "", "", ""},
		{"tls.crt", "tls.key", filepath.Join(data, "tls.crt"), ""},
		{filepath.Join(data, "tls.crt"), "tls.key", filepath.Join(data, "tls.crt"), ""},
		{"tls.crt", "", "", "gateway.tls_key is missing"},
		{"", "tls.key", "", "gateway.tls_cert is missing"},
		{"nowhere.crt", "tls.key", "", "nowhere.crt"},
		{"tls.key", "tls.crt", "", "gateway.tls_cert, gateway.tls_key: "},
	} {
		cfg := Config{Data: data, Gateway: "0.0.0.0:8080", Log: slog.New(slog.DiscardHandler)}
		limits := GatewayLimits{TLSCert: c.cert, TLSKey: c.key}
		var err error
		limits.TLSCert, limits.TLSKey, err = cfg.gatewayFiles(limits)
		if (err != nil) != (c.refusal != "") || err != nil && !strings.Contains(err.Error(), c.refusal) {
			t.Errorf("%+v: %v", c, err)
		}
		if limits.TLSCert != c.wantCert || limits.encrypted() != (c.wantCert != "") {
			t.Errorf("%+v: the gateway gets %q", c, limits.TLSCert)
		}
	}
}

func TestCapacity(t *testing.T) {
	two, none := 2, 0
	for _, c := range []struct {
		file CapacityFile
		want []string
	}{
		{CapacityFile{}, nil},
		{CapacityFile{GPU: &two}, []string{"0", "1"}},
		{CapacityFile{GPU: &none}, []string{}},
		{CapacityFile{GPUs: []string{"GPU-8f"}}, []string{"GPU-8f"}},
	} {
		if got := c.file.capacity().GPUs; !slices.Equal(got, c.want) || (got == nil) != (c.want == nil) {
			t.Errorf("%+v: %q, want %q", c.file, got, c.want)
		}
	}
}
