package api

import "slices"

// Role says what the holder of a token may do. Each role may do what the ones
// before it may.
type Role string

const (
	RoleViewer   Role = "viewer"   // look at everything
	RoleOperator Role = "operator" // and change what runs
	RoleAdmin    Role = "admin"    // and delete services and manage tokens
)

// Roles lists the roles from the least to the most.
var Roles = []Role{RoleViewer, RoleOperator, RoleAdmin}

// Includes tells whether r may do what the other role may. A role that does not
// exist includes nothing and is included by nothing.
func (r Role) Includes(other Role) bool {
	need := slices.Index(Roles, other)
	return need >= 0 && slices.Index(Roles, r) >= need
}

// Token is what is known of a token: all but the token itself, of which only a
// digest is kept.
type Token struct {
	Name       string `json:"name" doc:"the identity: creator and actor of what is done with it"`
	Role       Role   `json:"role" enum:"viewer,operator,admin"`
	CreatedAt  Time   `json:"created_at"`
	CreatedBy  string `json:"created_by" doc:"the token it was made with; empty for the one that the server made at its first start"`
	LastUsedAt *Time  `json:"last_used_at" doc:"to a few minutes; null when it has never been used"`
}
