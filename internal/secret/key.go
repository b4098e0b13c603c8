// Package secret seals what nobody may read in a database, a version or an
// answer: tokens, and the values of variables that a service file marks. It is an
// edge: the key is one file of the data directory. Who seals and who opens is the
// controller's to decide; how sealed text is known and shown is said in api
// (Document.MapSecrets, KeepSecrets) and done by Mask.
//
// Contract. Sealing is deterministic: one value gives one text, as long as the
// key is the same. So documents, replica keys and revisions are compared as they
// are, sealed, and a change of a secret is a change of its text. The price is that
// who reads the database sees which secrets are equal, and how long they are.
//
// Sealed text is bound to nothing but the key: not to a service, a variable or a
// version. A promotion copies it from one service to another, a rollback from an
// old version to the present, a group's or a service's new name would change what
// it was bound to; and who could move it by hand inside the database could as well
// change the command that prints it.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"sluice.dev/sluice/api"
)

const (
	keyBytes = 32
	// keyHead begins the file, so that a key is not taken for another file's text.
	keyHead = "sluice-secret-key:v1:"
)

// encoding of keys and of sealed text: no character of it is escaped in JSON,
// YAML or an address.
var encoding = base64.RawURLEncoding.Strict()

// File is where the key of a data directory is.
func File(data string) string { return filepath.Join(data, "secret.key") }

// Key seals and opens. Its methods may be called from any goroutine.
type Key struct {
	path  string
	text  string // of the file
	aead  cipher.AEAD
	nonce []byte // the key that nonces are derived with

	mu   sync.Mutex
	kept bool // the file is there
}

// Open reads the key in a file. Where there is none it makes one, which is
// written with the first Seal or by Keep: a start that fails because sealed values
// want another key leaves no file that hides its loss. A file that cannot be read,
// holds something else, or may be read by others is refused.
func Open(path string) (*Key, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		raw := make([]byte, keyBytes)
		if _, err := rand.Read(raw); err != nil {
			return nil, err
		}
		return derive(path, raw, false)
	}
	if err != nil {
		return nil, fmt.Errorf("the key of the secrets cannot be read: %w", err)
	}
	switch mode := info.Mode(); {
	case !mode.IsRegular():
		return nil, fmt.Errorf("%s, the key of the secrets, is not a file; put the key there, or move what is there away", path)
	case mode.Perm()&0o077 != 0:
		return nil, fmt.Errorf("%s, the key of the secrets, has mode %04o, so that others may use it; `chmod 600 %s` closes it; if somebody may have read it, change the secrets",
			path, mode.Perm(), path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("the key of the secrets cannot be read: %w; make it readable for the user that runs the server", err)
	}
	encoded, ok := strings.CutPrefix(strings.TrimSpace(string(text)), keyHead)
	raw, err := encoding.DecodeString(encoded)
	if !ok || err != nil || len(raw) != keyBytes {
		return nil, fmt.Errorf("%s does not hold a key of secrets; put the right file back from a backup, or move this one away if there never were secrets", path)
	}
	return derive(path, raw, true)
}

// derive makes two keys of the one in the file: what seals must not be what
// nonces come from.
func derive(path string, raw []byte, kept bool) (*Key, error) {
	seal, err := hkdf.Key(sha256.New, raw, nil, "sluice secret v1 seal", keyBytes)
	if err != nil {
		return nil, err
	}
	nonce, err := hkdf.Key(sha256.New, raw, nil, "sluice secret v1 nonce", keyBytes)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(seal)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	return &Key{path: path, text: keyHead + encoding.EncodeToString(raw) + "\n", aead: aead, nonce: nonce, kept: kept}, nil
}

// Keep writes the file where there is none yet.
func (k *Key) Keep() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.kept {
		return nil
	}
	if err := write(k.path, k.text); err != nil {
		return fmt.Errorf("the key of the secrets cannot be written: %w", err)
	}
	k.kept = true
	return nil
}

// write is durable before anything is sealed: beside, synced and renamed.
func write(path, text string) error {
	draft, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer draft.Close()
	if _, err := draft.WriteString(text); err != nil {
		return err
	}
	if err := draft.Sync(); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer folder.Close()
	return folder.Sync()
}

// Seal makes the sealed text of a value: sealed:v1: and, in base64, the nonce and
// what AES-256-GCM makes of the value. The nonce is a keyed digest of the value, so
// that it repeats only with the value itself.
func (k *Key) Seal(value string) (string, error) {
	if err := k.Keep(); err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, k.nonce)
	mac.Write([]byte(value))
	nonce := mac.Sum(nil)[:k.aead.NonceSize()]
	return api.SealedPrefix + encoding.EncodeToString(k.aead.Seal(nonce, nonce, []byte(value), nil)), nil
}

// Open gives the value of a sealed text. The error holds nothing of either.
func (k *Key) Open(sealed string) (string, error) {
	if sealed == api.SealedLost {
		return "", errors.New("its key was lost and it was given up; set the value again")
	}
	encoded, ok := strings.CutPrefix(sealed, api.SealedPrefix)
	raw, err := encoding.DecodeString(encoded)
	if ok && err == nil && len(raw) >= k.aead.NonceSize() {
		nonce, sealed := raw[:k.aead.NonceSize()], raw[k.aead.NonceSize():]
		if value, err := k.aead.Open(nil, nonce, sealed, nil); err == nil {
			return string(value), nil
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.kept {
		return "", fmt.Errorf("%s, the key it was sealed with, is missing", k.path)
	}
	return "", fmt.Errorf("the key in %s is not the one it was sealed with", k.path)
}
