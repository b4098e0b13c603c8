package controller

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"sync"

	"sluice.dev/sluice/api"
)

// allLogs reads the logs of several replicas at once; each line begins with the
// replica's id.
func (c *Controller) allLogs(ctx context.Context, list []api.Replica, tail int, follow bool) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	out, in := io.Pipe()
	var readers sync.WaitGroup
	var line sync.Mutex
	for _, r := range list {
		log, err := c.cfg.Runtime.Logs(ctx, r.ID, tail, follow)
		if err != nil {
			continue // it has written nothing yet
		}
		readers.Add(1)
		go func() {
			defer readers.Done()
			defer log.Close()
			lines := bufio.NewScanner(log)
			lines.Buffer(nil, 1<<20)
			for lines.Scan() {
				line.Lock()
				_, err := fmt.Fprintf(in, "%s %s\n", r.ID, lines.Text())
				line.Unlock()
				if err != nil {
					return
				}
			}
		}()
	}
	go func() {
		readers.Wait()
		cancel()
		in.Close()
	}()
	return &mergedLogs{PipeReader: out, cancel: cancel}, nil
}

type mergedLogs struct {
	*io.PipeReader
	cancel context.CancelFunc
}

func (m *mergedLogs) Close() error {
	m.cancel()
	return m.PipeReader.Close()
}
