package stage

import (
	"context"
	"io"
	"net/http"
	"strings"
	"time"
)

// Load sends requests to a service or group until ctx is over: so many callers,
// each one again after a pause. What is answered does not matter here.
func Load(ctx context.Context, endpoint string, callers int, pause time.Duration) {
	transport := &http.Transport{MaxIdleConnsPerHost: callers}
	client := &http.Client{Transport: transport, Timeout: patience}
	for range callers {
		go func() {
			defer transport.CloseIdleConnections()
			for ctx.Err() == nil {
				req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint+"/infer?d=15ms", strings.NewReader(`{"text": "good"}`))
				if err != nil {
					return
				}
				if resp, err := client.Do(req); err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				select {
				case <-time.After(pause):
				case <-ctx.Done():
				}
			}
		}()
	}
}
