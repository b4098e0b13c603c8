package hub

import (
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"syscall"
	"time"
)

// listen binds the socket. A file that an earlier control plane left behind is
// replaced, one behind which somebody listens is not.
func listen(path string) (net.Listener, error) {
	longest := 107 // bytes in a sockaddr_un, less the final zero
	if runtime.GOOS == "darwin" {
		longest = 103
	}
	if len(path) > longest {
		return nil, fmt.Errorf("the gateway socket %q is %d bytes long, the system allows %d: choose a data directory with a shorter path", path, len(path), longest)
	}
	if info, err := os.Lstat(path); err == nil {
		if info.Mode().Type() != os.ModeSocket {
			return nil, fmt.Errorf("the gateway socket %q exists and is not a socket: move it away", path)
		}
		if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
			conn.Close()
			return nil, fmt.Errorf("the gateway socket %q is in use: another control plane runs on this data directory", path)
		} else if !errors.Is(err, syscall.ECONNREFUSED) {
			return nil, fmt.Errorf("the gateway socket %q: %w", path, err)
		}
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("the gateway socket left by an earlier run cannot be replaced: %w", err)
		}
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("the gateway socket: %w", err)
	}
	// Until here the folder's mode alone keeps others out.
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return nil, fmt.Errorf("the gateway socket: %w", err)
	}
	return l, nil
}
