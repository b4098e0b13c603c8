package process

import (
	"context"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// fileWatch waits for a file to change. Where the kernel grants no inotify
// instance it looks once a second.
type fileWatch struct{ notify *os.File }

func watchFile(path string) *fileWatch {
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		return &fileWatch{}
	}
	if _, err := unix.InotifyAddWatch(fd, path, unix.IN_MODIFY|unix.IN_ATTRIB|unix.IN_DELETE_SELF); err != nil {
		unix.Close(fd)
		return &fileWatch{}
	}
	return &fileWatch{os.NewFile(uintptr(fd), "inotify")}
}

// wait returns when the file has changed since the last call, when ctx is done,
// and after a second at the latest.
func (w *fileWatch) wait(ctx context.Context) {
	if w.notify == nil {
		sleep(ctx, time.Second)
		return
	}
	if w.notify.SetReadDeadline(time.Now().Add(time.Second)) != nil {
		sleep(ctx, time.Second)
		return
	}
	defer context.AfterFunc(ctx, func() { _ = w.notify.SetReadDeadline(time.Unix(1, 0)) })()
	var events [4096]byte
	_, _ = w.notify.Read(events[:]) // an error is the deadline
}

func (w *fileWatch) close() {
	if w.notify != nil {
		w.notify.Close()
	}
}
