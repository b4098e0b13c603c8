package process

import (
	"errors"
	"syscall"

	"sluice.dev/sluice/internal/runtime"
)

// cgroups do not exist on this system.
type cgroups struct{ refused error }

type cgroup struct{}

func openCgroups(string) *cgroups {
	return &cgroups{refused: errors.New("this system has no cgroups; Linux has")}
}

func (*cgroups) make(string, *runtime.Launch) (*cgroup, error) { return nil, nil }
func (*cgroups) clean(func(string) bool)                       {}
func cgroupOf(int, string) *cgroup                             { return nil }
func (*cgroup) enter(*syscall.SysProcAttr) (func(), error)     { return func() {}, nil }
func (*cgroup) oomKills() int                                  { return 0 }
func (*cgroup) end()                                           {}
func (*cgroup) remove() error                                  { return nil }
