package daemon

import (
	"fmt"

	"sluice.dev/sluice/internal/content"
)

// defaultCheapBytes is small enough that nobody notices the copy: 256 MiB.
const defaultCheapBytes = 256 << 20

// HistoryFile is what is kept of versions.
type HistoryFile struct {
	// ArtifactsMaxBytes bounds the copies of versions' files; 0 is the default of
	// content.DefaultMaxBytes.
	ArtifactsMaxBytes int64 `yaml:"artifacts_max_bytes"`
	// ArtifactsCheapBytes is up to which size keeping a version's files is cheap
	// though their bytes have to be copied; 0: only where blocks are shared. None is
	// defaultCheapBytes.
	ArtifactsCheapBytes *int64 `yaml:"artifacts_cheap_bytes"`
	// AskRegistries tells whether the registries of images are asked for their
	// digests; nil is yes.
	AskRegistries *bool `yaml:"ask_registries"`
	// KeepVersions is how many versions of a service are kept where its file says
	// nothing; 0 is all.
	KeepVersions int `yaml:"keep_versions"`
}

// cheapBytes is the most that may have to be written for keeping to be cheap.
func (h HistoryFile) cheapBytes() int64 {
	if h.ArtifactsCheapBytes == nil {
		return defaultCheapBytes
	}
	return *h.ArtifactsCheapBytes
}

// check says what is wrong, "" for nothing.
func (h HistoryFile) check() string {
	if h.ArtifactsMaxBytes < 0 {
		return fmt.Sprintf("history.artifacts_max_bytes: %d is not allowed; a number of bytes from 0, which is the default of %d, is", h.ArtifactsMaxBytes, int64(content.DefaultMaxBytes))
	}
	if h.KeepVersions < 0 {
		return fmt.Sprintf("history.keep_versions: %d is not allowed; a whole number from 0, which is all, is", h.KeepVersions)
	}
	if b := h.cheapBytes(); b < 0 {
		return fmt.Sprintf("history.artifacts_cheap_bytes: %d is not allowed; a number of bytes from 0, which is only where the file system shares blocks, is", b)
	}
	return ""
}

func (h HistoryFile) options() content.Options {
	return content.Options{MaxBytes: h.ArtifactsMaxBytes, NoRegistries: h.AskRegistries != nil && !*h.AskRegistries}
}
