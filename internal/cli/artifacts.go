package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"sluice.dev/sluice/client"
)

func artifactsCommand(s *session) *cobra.Command {
	return lookCommand(s, &cobra.Command{
		Use:   "artifacts",
		Short: "Show what is kept of versions' files",
		Long: `Show how much room the copies of versions' files take, how much they may take
(history.artifacts_max_bytes in server.yaml), and what is being read at this
moment to be hashed or kept.`,
		Example: "  sluice artifacts",
		Args:    takes(),
	}, func(ctx context.Context, c *client.Client, _ []string) error {
		a, err := c.Artifacts(ctx)
		if err != nil {
			return err
		}
		return s.show(a, func(w io.Writer) {
			shared := "copied: the file system of the data directory shares no blocks"
			if a.Reflinks {
				shared = "shared with the originals where these are on the same file system"
			}
			pairs(w, [][2]string{{"Contents", strconv.Itoa(a.Contents)}, {"Size", bytesOf(a.Bytes) + " of at most " + bytesOf(a.Limit)}, {"Blocks", shared}})
			for _, h := range a.Hashing {
				fmt.Fprintf(w, "reading %s: %s of %s\n", h.Path, bytesOf(h.Done), bytesOf(h.Total))
			}
		})
	})
}

// bytesOf writes a size as a person reads it: 1.5 GiB.
func bytesOf(n int64) string {
	value, unit := float64(n), "B"
	for _, next := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if value < 1024 {
			break
		}
		value, unit = value/1024, next
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, unit)
}
