package process

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// claimPort binds a name that stands for the port, in the abstract namespace:
// that is one for all users and, like ports, one for each network namespace, and
// the kernel takes the name back when the process ends, however it does.
func claimPort(port int) (claim, error) {
	name := fmt.Sprintf("@sluice-port-%d", port)
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, errClaimed
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}
