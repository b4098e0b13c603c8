package process

import (
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"sluice.dev/sluice/internal/proc"
)

// inheritOrphans makes this process the child subreaper of its descendants, so
// that what a replica left behind becomes its child, and reaps those once they
// have ended. It acts on the whole process, once.
//
// Children that some part of the program started and waits for (os/exec) must
// not be reaped here. They are told apart by the pidfd that the os package, and
// this one, hold of each child they wait for: a zombie that no descriptor of
// ours points at was inherited, or nobody will ever wait for it.
var inheritOrphans = sync.OnceFunc(func() {
	// Without it (it cannot fail on any kernel that has pidfds) orphans go to
	// init, which reaps them too.
	_ = unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	go func() {
		for range ended {
			// Most children are reaped at once by those who wait for them.
			time.Sleep(time.Second)
			reapOrphans()
		}
	}()
})

func reapOrphans() {
	// The cheap question first: is there any zombie at all?
	var one unix.Siginfo
	if err := unix.Waitid(unix.P_ALL, 0, &one, unix.WEXITED|unix.WNOHANG|unix.WNOWAIT, nil); err != nil || one.Signo == 0 {
		return
	}
	self := os.Getpid()
	var orphans []int
	for _, i := range proc.List() {
		if i.Zombie && i.Parent == self {
			orphans = append(orphans, i.Pid)
		}
	}
	if len(orphans) == 0 {
		return
	}
	awaited := awaitedPids()
	for _, pid := range orphans {
		if !awaited[pid] {
			_, _ = unix.Wait4(pid, nil, unix.WNOHANG, nil)
		}
	}
}

// awaitedPids are the processes that this one holds a pidfd of.
func awaitedPids() map[int]bool {
	awaited := map[int]bool{}
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, fd := range fds {
		if to, err := os.Readlink("/proc/self/fd/" + fd.Name()); err != nil || !strings.Contains(to, "pidfd") {
			continue
		}
		text, _ := os.ReadFile(fmt.Sprintf("/proc/self/fdinfo/%s", fd.Name()))
		for line := range strings.Lines(string(text)) {
			if value, found := strings.CutPrefix(line, "Pid:"); found {
				pid, _ := strconv.Atoi(strings.TrimSpace(value))
				awaited[pid] = true
			}
		}
	}
	return awaited
}
