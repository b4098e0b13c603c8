package placement

import (
	"fmt"
	"strings"
)

// Capacity is what a resource group has; what is nil is unlimited.
type Capacity struct {
	CPU      *float64 // cores
	MemoryMB *int
	// GPUs are the names of the devices, as $CUDA_VISIBLE_DEVICES has them. Nil is
	// unlimited, and then nobody is given any by name; empty is none.
	GPUs []string
}

// Need is what one replica asks for: metadata.cpu, metadata.memory and
// metadata.gpu.
type Need struct {
	CPU      float64 // cores
	MemoryMB int
	GPU      int
}

// Shortage is one kind of capacity of which a group can never have enough.
type Shortage struct {
	Field string // the key that asks: "metadata.gpu"
	Asked string // by one replica: "2 gpus"
	Has   string // the group, all in all: "1 gpu"
	Most  int    // replicas of this need that the group can hold
}

// kind is one kind of capacity. Amounts are whole numbers, of cores
// thousandths, so that what is given back adds up to what was taken.
type kind struct {
	field string
	asks  func(Need) int
	has   func(Capacity) (amount int, limited bool)
	say   func(amount int) string
	unit  string
}

var kinds = []kind{
	{
		field: "metadata.cpu", unit: " cores",
		asks: func(n Need) int { return milli(n.CPU) },
		has: func(c Capacity) (int, bool) {
			if c.CPU == nil {
				return 0, false
			}
			return milli(*c.CPU), true
		},
		say: func(amount int) string { return fmt.Sprintf("%g", float64(amount)/1000) },
	},
	{
		field: "metadata.memory", unit: " MB of memory",
		asks: func(n Need) int { return n.MemoryMB },
		has: func(c Capacity) (int, bool) {
			if c.MemoryMB == nil {
				return 0, false
			}
			return *c.MemoryMB, true
		},
		say: whole,
	},
	{
		field: "metadata.gpu", unit: " gpus",
		asks: func(n Need) int { return n.GPU },
		has:  func(c Capacity) (int, bool) { return len(c.GPUs), c.GPUs != nil },
		say:  whole,
	},
}

// amount is "2 gpus", "1 gpu".
func (k kind) amount(n int) string {
	if k.say(n) == "1" {
		return "1" + strings.TrimSuffix(k.unit, "s")
	}
	return k.say(n) + k.unit
}

func whole(amount int) string { return fmt.Sprint(amount) }

// milli rounds to thousandths of a core.
func milli(cores float64) int { return int(cores*1000 + 0.5) }

// TooMuch says what keeps the group from ever holding n replicas of the need,
// were it empty; nil when it can.
func (c Capacity) TooMuch(n int, need Need) (list []Shortage) {
	for _, k := range kinds {
		has, limited := k.has(c)
		asks := k.asks(need)
		if !limited || asks == 0 || asks*n <= has {
			continue
		}
		list = append(list, Shortage{Field: k.field, Asked: k.amount(asks), Has: k.amount(has), Most: has / asks})
	}
	return list
}
