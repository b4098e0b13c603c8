package process

import (
	"fmt"
	"os"
)

// ephemeralPorts are those that the kernel gives to outgoing connections.
func ephemeralPorts() PortRange {
	var p PortRange
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err == nil {
		_, err = fmt.Sscan(string(text), &p.First, &p.Last)
	}
	if err != nil {
		return PortRange{32768, 60999} // the kernel's default
	}
	return p
}
