package process

import (
	"context"

	"sluice.dev/sluice/internal/runtime"
	"sluice.dev/sluice/internal/runtime/probe"
	"sluice.dev/sluice/internal/runtime/warmup"
)

// warmUp reads the requests that a replica has to answer first; nil when the
// service file names none. A file that cannot be read or is malformed is an
// *UnstartableError.
func warmUp(l runtime.Launch, dir, address string) (*probe.WarmUp, error) {
	s := l.Spec
	if s.WarmUpData == "" {
		return nil, nil
	}
	at, _ := kept{l.Files, dir}.path(s.WarmUpData)
	requests, err := warmup.Read(within(dir, at))
	if err != nil {
		return nil, unstartable("warm_up_data_path: %v", err)
	}
	return &probe.WarmUp{
		Requests: warmup.Count(requests), Timeout: s.StartupDeadline(),
		Send: func(ctx context.Context) error { return warmup.Send(ctx, address, requests) },
	}, nil
}

// adoptedWarmUp is that of a process that runs already: a file that has become
// unreadable is reported as the reason why it is not ready.
func adoptedWarmUp(l runtime.Launch, address string) *probe.WarmUp {
	s := l.Spec
	dir, err := workingDir(s.Container.WorkingDir)
	var warm *probe.WarmUp
	if err == nil {
		warm, err = warmUp(l, dir, address)
	}
	if err != nil && s.WarmUpData != "" {
		return &probe.WarmUp{Timeout: s.StartupDeadline(), Send: func(context.Context) error { return err }}
	}
	return warm
}
