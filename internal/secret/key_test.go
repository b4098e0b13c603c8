package secret_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/secret"
)

func open(t *testing.T, path string) *secret.Key {
	t.Helper()
	k, err := secret.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func seal(t *testing.T, k *secret.Key, value string) string {
	t.Helper()
	sealed, err := k.Seal(value)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSealedAndOpened(t *testing.T) {
	path := secret.File(t.TempDir())
	k := open(t, path)
	texts := map[string]string{}
	for _, value := range []string{"", "a", "b", "hunter2", strings.Repeat("x", 1<<17), "日本", `"\`, "\n"} {
		sealed := seal(t, k, value)
		if value != "" && len(value) > 3 && strings.Contains(sealed, value) || !api.IsSealed(sealed) {
			t.Errorf("%q is sealed as %.80s", value, sealed)
		}
		if other, twice := texts[sealed]; twice {
			t.Errorf("%q and %q have one sealed text", value, other)
		}
		texts[sealed] = value
		if again := seal(t, open(t, path), value); again != sealed {
			t.Errorf("%q is sealed once as %.40s, once as %.40s", value, sealed, again)
		}
		if back, err := open(t, path).Open(sealed); back != value || err != nil {
			t.Errorf("%q is opened as %q, %v", value, back, err)
		}
	}
}

func TestWhatIsNotOpened(t *testing.T) {
	dir := t.TempDir()
	k, other := open(t, filepath.Join(dir, "a")), open(t, filepath.Join(dir, "b"))
	sealed := seal(t, k, "hunter2")
	foreign := seal(t, other, "hunter2")
	if foreign == sealed {
		t.Fatal("two keys seal alike")
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(sealed, api.SealedPrefix))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{"another key": foreign, "nothing": "", "a value in clear": "hunter2", "only the prefix": api.SealedPrefix,
		"no base64": api.SealedPrefix + "!!!", "too short": api.SealedPrefix + "AAAA", "cut": sealed[:len(sealed)-2], "lost": api.SealedLost,
		"with more behind it": sealed + "AA"}
	for i := range raw { // every byte of nonce, value and tag is protected
		bent := append([]byte{}, raw...)
		bent[i] ^= 1
		texts["bent "+string(rune('a'+i))] = api.SealedPrefix + base64.RawURLEncoding.EncodeToString(bent)
	}
	for name, text := range texts {
		value, err := k.Open(text)
		if err == nil || value != "" || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), api.SealedPrefix) {
			t.Errorf("%s: %q, %v", name, value, err)
		}
	}
	if _, err := k.Open(foreign); err == nil || !strings.Contains(err.Error(), "is not the one it was sealed with") {
		t.Errorf("another key: %v", err)
	}
	if _, err := open(t, filepath.Join(dir, "none")).Open(sealed); err == nil || !strings.Contains(err.Error(), "is missing") {
		t.Errorf("no key: %v", err)
	}
}

func TestTheFile(t *testing.T) {
	path := secret.File(t.TempDir())
	k := open(t, path)
	if _, err := os.Stat(path); err == nil {
		t.Error("the file is there before there is anything to seal")
	}
	for range 2 {
		if err := k.Keep(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"read by the group": {string(good), 0o640, "chmod 600"},
		"read by all":       {string(good), 0o604, "chmod 600"},
		"empty":             {"", 0o600, "does not hold a key"},
		"another text":      {"hello\n", 0o600, "does not hold a key"},
		"cut":               {string(good[:len(good)-9]), 0o600, "does not hold a key"},
		"without line end":  {strings.TrimSpace(string(good)), 0o600, ""},
		"only read":         {string(good), 0o400, ""},
	} {
		os.Remove(path)
		if err := os.WriteFile(path, []byte(c.text), c.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		_, err := secret.Open(path)
		if (err != nil) != (c.want != "") || err != nil && (!strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	os.Remove(path)
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := secret.Open(path); err == nil || !strings.Contains(err.Error(), "not a file") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := open(t, filepath.Join(path, "no", "where")).Seal("x"); err == nil {
		t.Error("something is sealed with a key that cannot be written")
	}
}

func TestMask(t *testing.T) {
	k := open(t, secret.File(t.TempDir()))
	sealed := seal(t, k, "hunter2")
	for answer, want := range map[string]string{
		`{"token":"` + sealed + `"}`:                         `{"token":"********"}`,
		`{"from":"` + sealed + `","to":"` + sealed + `"}`:    `{"from":"********","to":"********"}`,
		`{"message":"A is ` + sealed + `, ` + sealed + `."}`: `{"message":"A is ********, ********."}`,
		`{"value":"` + api.SealedLost + `"}`:                 `{"value":"********"}`,
		`{"message":"begins with \"sealed:v1:\""}`:           `{"message":"begins with \"sealed:v1:\""}`,
		`{"value":"plain"}`:                                  `{"value":"plain"}`,
	} {
		if got := string(secret.Mask([]byte(answer))); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
