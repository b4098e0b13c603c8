package placement

import (
	"fmt"
	"slices"
	"strings"
)

// Book is the account of all resource groups. A group that it does not know
// has no limits.
type Book struct {
	groups map[string]Capacity
	held   map[string]holding // by replica
}

// holding is what one replica holds, from its start until its end.
type holding struct {
	group string
	need  Need
	gpus  []string
}

// New makes an account in which nobody holds anything.
func New(groups map[string]Capacity) *Book {
	return &Book{groups: groups, held: map[string]holding{}}
}

// Reserve books what a replica needs and returns the names of its gpus; or it
// books nothing and says why not: what is asked for, what is free, who holds
// the rest. For one that holds the same already it is a no-op with the same
// answer.
func (b *Book) Reserve(replica, group string, need Need) (gpus []string, why string) {
	if h, ok := b.held[replica]; ok {
		if h.group == group && h.need == need {
			return h.gpus, ""
		}
		delete(b.held, replica)
	}
	if why = b.Full(group, need); why != "" {
		return nil, why
	}
	if free := b.freeGPUs(group); free != nil {
		gpus = free[:need.GPU:need.GPU]
	}
	b.held[replica] = holding{group: group, need: need, gpus: gpus}
	return gpus, ""
}

// Hold books what a running replica holds, whether there is room or not: it was
// placed before, perhaps under another configuration.
func (b *Book) Hold(replica, group string, need Need, gpus []string) {
	b.held[replica] = holding{group: group, need: need, gpus: gpus}
}

// Release gives back what the replica held. It says whether that was anything.
func (b *Book) Release(replica string) bool {
	_, held := b.held[replica]
	delete(b.held, replica)
	return held
}

// Full says why one more replica of this need has no room in the group now; ""
// when it has.
func (b *Book) Full(group string, need Need) string {
	var short []string
	for _, k := range kinds {
		has, limited := k.has(b.groups[group])
		asks := k.asks(need)
		if !limited || asks == 0 {
			continue
		}
		free, holders := b.free(k, group)
		if asks > free {
			short = append(short, fmt.Sprintf("has %s of %s%s free and %s asked for%s",
				k.say(free), k.say(has), k.unit, areAsked(k, asks), heldBy(holders)))
		}
	}
	if len(short) == 0 {
		return ""
	}
	return "resource group " + group + " " + strings.Join(short, ", and it ")
}

// free is how much of a kind the group has left, and who holds the rest.
func (b *Book) free(k kind, group string) (free int, holders []string) {
	free, _ = k.has(b.groups[group])
	for replica, h := range b.held {
		if h.group == group && k.asks(h.need) > 0 {
			free -= k.asks(h.need)
			holders = append(holders, replica)
		}
	}
	if k.field == "metadata.gpu" {
		// One that was placed under another configuration may hold a device that
		// is gone, or none by name.
		free = min(free, len(b.freeGPUs(group)))
	}
	slices.Sort(holders)
	return max(0, free), holders
}

// freeGPUs are the devices that nobody holds, in the order of the
// configuration; nil when the group's are not named.
func (b *Book) freeGPUs(group string) []string {
	all := b.groups[group].GPUs
	if all == nil {
		return nil
	}
	taken := map[string]bool{}
	for _, h := range b.held {
		if h.group == group {
			for _, g := range h.gpus {
				taken[g] = true
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(g string) bool { return taken[g] })
}

func areAsked(k kind, asks int) string {
	if k.say(asks) == "1" {
		return "1 is"
	}
	return k.say(asks) + " are"
}

// named is how many holders are named.
const named = 4

func heldBy(holders []string) string {
	switch n := len(holders); {
	case n == 0:
		return ""
	case n == 1:
		return "; " + holders[0] + " holds the rest"
	case n > named:
		return fmt.Sprintf("; %s and %d more hold the rest", strings.Join(holders[:named], ", "), n-named)
	default:
		return "; " + strings.Join(holders[:n-1], ", ") + " and " + holders[n-1] + " hold the rest"
	}
}
