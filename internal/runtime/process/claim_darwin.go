package process

import "errors"

// claimPort claims nothing: this system has no names that go with their
// process. Two servers on one machine rely on beginning at random ports.
func claimPort(int) (claim, error) { return nil, errors.ErrUnsupported }
