package process

import (
	"bytes"
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

// info is what is told of a process by the system.
type info struct {
	pid, parent, group int
	start              uint64 // microseconds since 1970
	zombie             bool
}

// processes lists the given processes that exist, or all of them.
func processes(pids ...int) []info {
	var list []info
	if len(pids) == 0 {
		all, _ := unix.SysctlKinfoProcSlice("kern.proc.all")
		for i := range all {
			list = append(list, read(&all[i]))
		}
	}
	for _, pid := range pids {
		if one, err := unix.SysctlKinfoProc("kern.proc.pid", pid); err == nil {
			list = append(list, read(one))
		}
	}
	return list
}

const stateZombie = 5 // SZOMB of sys/proc.h

func read(p *unix.KinfoProc) info {
	return info{
		pid:    int(p.Proc.P_pid),
		parent: int(p.Eproc.Ppid),
		group:  int(p.Eproc.Pgid),
		start:  uint64(p.Proc.P_starttime.Sec)*1e6 + uint64(p.Proc.P_starttime.Usec),
		zombie: p.Proc.P_stat == stateZombie,
	}
}

func startTime(pid int) (uint64, error) {
	for _, i := range processes(pid) {
		return i.start, nil
	}
	return 0, errGone
}

func startedAt(start uint64) time.Time { return time.UnixMicro(int64(start)) }

// environOf is the environment that a process was started with, as NAME=VALUE.
// The system hands out, for processes of the same user: the number of
// arguments, the path of the program, zeros, the arguments, the environment.
func environOf(pid int) []string {
	raw, err := unix.SysctlRaw("kern.procargs2", pid)
	if err != nil || len(raw) < 4 {
		return nil
	}
	arguments := int(binary.NativeEndian.Uint32(raw))
	_, raw, _ = bytes.Cut(raw[4:], []byte{0})
	raw = bytes.TrimLeft(raw, "\x00")
	var list []string
	for i, word := range bytes.Split(raw, []byte{0}) {
		if i >= arguments && len(word) == 0 {
			break
		}
		if i >= arguments {
			list = append(list, string(word))
		}
	}
	return list
}

func bootID() (string, error) { return unix.Sysctl("kern.bootsessionuuid") }

// ephemeralPorts are those that the kernel gives to outgoing connections.
func ephemeralPorts() PortRange {
	first, err1 := unix.SysctlUint32("net.inet.ip.portrange.first")
	last, err2 := unix.SysctlUint32("net.inet.ip.portrange.last")
	if err1 != nil || err2 != nil {
		return PortRange{49152, 65535} // the system's default
	}
	return PortRange{int(first), int(last)}
}
