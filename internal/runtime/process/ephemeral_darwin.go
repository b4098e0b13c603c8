package process

import "golang.org/x/sys/unix"

// ephemeralPorts are those that the kernel gives to outgoing connections.
func ephemeralPorts() PortRange {
	first, err1 := unix.SysctlUint32("net.inet.ip.portrange.first")
	last, err2 := unix.SysctlUint32("net.inet.ip.portrange.last")
	if err1 != nil || err2 != nil {
		return PortRange{49152, 65535} // the system's default
	}
	return PortRange{int(first), int(last)}
}
