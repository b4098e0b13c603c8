package proc

import (
	"bytes"
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"
)

// Info is what is told of a process by the system.
type Info struct {
	Pid, Parent, Group int
	Start              uint64 // microseconds since 1970
	Zombie             bool
}

// List gives the given processes that exist, or all of them.
func List(pids ...int) []Info {
	var list []Info
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

func read(p *unix.KinfoProc) Info {
	return Info{
		Pid:    int(p.Proc.P_pid),
		Parent: int(p.Eproc.Ppid),
		Group:  int(p.Eproc.Pgid),
		Start:  uint64(p.Proc.P_starttime.Sec)*1e6 + uint64(p.Proc.P_starttime.Usec),
		Zombie: p.Proc.P_stat == stateZombie,
	}
}

func StartTime(pid int) (uint64, error) {
	for _, i := range List(pid) {
		return i.Start, nil
	}
	return 0, ErrGone
}

func StartedAt(start uint64) time.Time { return time.UnixMicro(int64(start)) }

// Environ is the environment that a process was started with, as NAME=VALUE.
// The system hands out, for processes of the same user: the number of
// arguments, the path of the program, zeros, the arguments, the environment.
func Environ(pid int) []string {
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

func BootID() (string, error) { return unix.Sysctl("kern.bootsessionuuid") }
