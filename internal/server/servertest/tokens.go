package servertest

import (
	"context"
	"log/slog"

	"sluice.dev/sluice/internal/store"
	"sluice.dev/sluice/internal/token"
)

// Tokens is the real book of tokens, kept in memory, with the admin token given.
func Tokens(admin string) *token.Book {
	book, err := token.Open(context.Background(), forgetful{}, admin, slog.Default())
	if err != nil {
		panic(err) // forgetful has no errors
	}
	return book
}

// forgetful is a disk whose content nobody asks for: the book keeps its own copy.
type forgetful struct{}

func (forgetful) Tokens(context.Context) ([]store.Token, error) { return nil, nil }
func (forgetful) PutToken(context.Context, store.Token) error   { return nil }
func (forgetful) DropToken(context.Context, string) error       { return nil }
