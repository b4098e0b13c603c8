package daemon

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// TokenFile is where the admin token of a data directory is.
func TokenFile(data string) string { return filepath.Join(data, "admin.token") }

// adminToken reads the token, and makes one at the first start.
func adminToken(data string) (string, error) {
	path := TokenFile(data)
	text, err := os.ReadFile(path)
	if token := strings.TrimSpace(string(text)); err == nil && token != "" {
		return token, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("the admin token cannot be read: %w", err)
	}
	token := rand.Text()
	// Written beside and renamed: a token is never half there.
	draft := path + ".new"
	if err := os.WriteFile(draft, []byte(token+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("the admin token cannot be written: %w", err)
	}
	if err := os.Rename(draft, path); err != nil {
		return "", fmt.Errorf("the admin token cannot be written: %w", err)
	}
	return token, nil
}
