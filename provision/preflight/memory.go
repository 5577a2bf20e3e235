package preflight

import (
	"fmt"
	"strconv"

	"weir/provision/machine"
)

// judgeMemory compares heaps with memory. Containers are on one computer: their
// heaps come out of the same memory.
func judgeMemory(seen []sight, r *Result) {
	var together int64
	for _, s := range seen {
		if s.Made {
			together += s.heap()
		}
	}
	for _, s := range answered(seen) {
		heap, whose := s.heap(), "its heaps"
		if s.Made {
			heap, whose = together, "the heaps of all containers together"
		}
		judgeHeap(s, heap, whose, r)
		judgeSwap(s, r)
	}
}

// judgeHeap leaves half to the page cache, out of which Kafka serves whoever
// reads what was just written ("Don't fear the filesystem!" in its documentation).
func judgeHeap(s sight, heap int64, whose string, r *Result) {
	found := fmt.Sprintf("%s take %s of %s", whose, machine.Size(heap), machine.Size(s.answer.memory))
	switch {
	case s.answer.memory == 0:
	case heap > s.answer.memory:
		r.refuse(s, found, "less than it has", "lower zookeeper.heap and kafka.heap, or give it more memory")
	case heap > s.answer.memory/2:
		r.advise(s, found, "half at most, as the rest caches what Kafka serves", "lower kafka.heap, or give it more memory")
	case heap == 0:
		r.note(s, "%s, heaps are sized from it", machine.Size(s.answer.memory))
	default:
		r.note(s, "%s", found)
	}
}

// swappinessTold is the highest vm.swappiness at which a kernel swaps only to
// avoid running out of memory, more or less; 60 is its default.
const swappinessTold = 10

// judgeSwap asks what vm.swappiness will be: what is declared, or what is there
// where that is kept. A container's is the computer's.
func judgeSwap(s sight, r *Result) {
	if s.answer.swap == 0 || s.observed.Facts.Container {
		return
	}
	value := "60"
	for _, c := range s.asked().Sysctls {
		if c.Key == "vm.swappiness" {
			value = c.Value
		}
	}
	swap := machine.Size(s.answer.swap)
	if n, err := strconv.Atoi(value); err == nil && n > swappinessTold {
		r.advise(s, fmt.Sprintf("it has %s of swap, and vm.swappiness is not set to less than %d", swap, swappinessTold),
			"that brokers and members are not swapped out", "leave os.swappiness at its default, or: swapoff -a")
		return
	}
	r.note(s, "%s of swap, vm.swappiness %s", swap, value)
}
