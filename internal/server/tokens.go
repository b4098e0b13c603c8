package server

import (
	"context"
	"errors"
	"net/http"

	"sluice.dev/sluice/api"
	"sluice.dev/sluice/internal/token"
)

const tokens = "tokens"

type tokenList struct {
	Body struct {
		Tokens []api.Token `json:"tokens" nullable:"false"`
	}
}

type tokenInput struct {
	Body struct {
		Name string   `json:"name" doc:"the identity; as the name of a service is written"`
		Role api.Role `json:"role" enum:"viewer,operator,admin"`
	}
}

// NewToken is the answer to a token that was made: the only time that it is
// shown.
type NewToken struct {
	api.Token
	Secret string `json:"token" doc:"the token itself, which is never shown again"`
}

type newTokenOutput struct {
	Location string `header:"Location"`
	Body     NewToken
}

type revokeInput struct {
	Name string `path:"name" maxLength:"100" doc:"the token's name"`
}

func (s *server) routeTokens() {
	register(s, operation(http.MethodGet, prefix+"/tokens", "list-tokens", tokens,
		"List all tokens", "Their names and roles; what they are is never shown."), s.listTokens)
	create := operation(http.MethodPost, prefix+"/tokens", "create-token", tokens,
		"Make a token", "The answer holds the token, this one time.", 409, 413)
	create.DefaultStatus = http.StatusCreated
	limitBody(&create)
	register(s, create, s.createToken)
	revoke := operation(http.MethodDelete, prefix+"/tokens/{name}", "revoke-token", tokens,
		"Revoke a token", "Refused from the moment of the answer on; what it still watches ends.", 404, 409)
	revoke.DefaultStatus = http.StatusNoContent
	register(s, revoke, s.revokeToken)
}

func (s *server) listTokens(context.Context, *struct{}) (*tokenList, error) {
	out := &tokenList{}
	out.Body.Tokens = s.cfg.Tokens.List()
	return out, nil
}

func (s *server) createToken(ctx context.Context, in *tokenInput) (*newTokenOutput, error) {
	made, secret, err := s.cfg.Tokens.Create(ctx, identityOf(ctx), in.Body.Name, in.Body.Role)
	if err != nil {
		return nil, tokenProblem(err)
	}
	return &newTokenOutput{Location: prefix + "/tokens/" + made.Name, Body: NewToken{made, secret}}, nil
}

func (s *server) revokeToken(ctx context.Context, in *revokeInput) (*struct{}, error) {
	if err := s.cfg.Tokens.Revoke(ctx, in.Name); err != nil {
		return nil, tokenProblem(err)
	}
	return nil, nil
}

func tokenProblem(err error) error {
	var (
		invalid *token.InvalidError
		exists  *token.ExistsError
		missing *token.NotFoundError
		kept    *token.KeptError
	)
	switch {
	case errors.As(err, &invalid):
		return newProblem(http.StatusUnprocessableEntity, codeInvalid, invalid.Error(), "")
	case errors.As(err, &exists):
		return newProblem(http.StatusConflict, codeExists, exists.Error(), "")
	case errors.As(err, &missing):
		return newProblem(http.StatusNotFound, codeNotFound, missing.Error(), "`sluice token list` lists all")
	case errors.As(err, &kept):
		return newProblem(http.StatusConflict, codeRefused, kept.Error(), "")
	}
	return err
}
