package preview

import (
	"sluice.dev/sluice/internal/placement"
	"sluice.dev/sluice/internal/rollout"
)

// Need is what a replica of a version asks for, and of which resource group; ""
// is public, which has no limits.
type Need struct {
	Resource string
	placement.Need
}

// room places replicas of the model in a copy of the account.
type room struct {
	book    *placement.Book
	needs   map[string]Need // by Revision
	witness *witness        // nil: nobody is told
}

func (r *room) Place(of *rollout.Replica) (why string) {
	n := r.needs[of.Revision]
	if n.Resource != "" {
		_, why = r.book.Reserve(of.ID, n.Resource, n.Need)
	}
	if r.witness != nil {
		r.witness.placed(of, why)
	}
	return why
}

func (r *room) Leave(id string) { r.book.Release(id) }

func (r *room) Copy() rollout.Room { return &room{book: r.book.Copy(), needs: r.needs} }
