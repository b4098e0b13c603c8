// Package client is the Go client of Sluice's HTTP API. The command line uses
// nothing else.
//
//	c := client.New("http://127.0.0.1:7070", token)
//	answer, err := c.Update(ctx, "sentiment", file, client.Merge, client.Because("new model"))
//	end, err := c.Wait(ctx, answer, client.Rolled, nil)
//
// Contract: what the server refuses is a *Problem, a server that cannot be
// reached an *UnreachableError; nothing is tried again but a broken Watch, which
// connects again by itself. Lists come as slices, never nil with a nil error.
// Methods may be called from any goroutine.
package client
