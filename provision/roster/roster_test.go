package roster

import (
	"slices"
	"strings"
	"testing"
)

func seat(id int, machine string) Seat { return Seat{ID: id, Machine: machine} }

func three() []Seat { return []Seat{seat(0, "a"), seat(1, "b"), seat(2, "c")} }

func TestAnIdGoesToAnotherMachineOnlyWhereSomebodySaysSo(t *testing.T) {
	for _, c := range []struct {
		name         string
		now, retired []Seat
		says         []string // one problem with these parts; none where empty
	}{
		{"nothing changes", three(), nil, nil},
		{"a machine leaves", three()[:2], nil, nil},
		{"a machine with a new id joins", append(three(), seat(3, "d")), nil, nil},
		{"a machine takes an id that another has", []Seat{seat(0, "a"), seat(1, "b"), seat(2, "d")}, nil,
			[]string{"brokers[2].id", "was that of c", "replaces: c at the machine d", "such as 3"}},
		{"and says whose place it takes", []Seat{seat(0, "a"), seat(1, "b"), {ID: 2, Machine: "d", Replaces: "c"}}, nil, nil},
		{"and names another machine", []Seat{seat(0, "a"), seat(1, "b"), {ID: 2, Machine: "d", Replaces: "b"}}, nil, []string{"replaces: c at the machine d"}},
		{"a machine takes an id that was retired", append(three(), seat(7, "d")), []Seat{seat(7, "x")}, []string{"brokers[3].id", "was that of x", "such as 8"}},
		{"a machine comes back with its own", append(three(), seat(7, "x")), []Seat{seat(7, "x")}, nil},
		{"the ids shift as a machine in the middle leaves", []Seat{seat(0, "a"), seat(1, "c")}, nil,
			[]string{"brokers[1].id", "c has id 2", "brokers: {a: 0, c: 2}"}},
		{"what was said of a place taken long ago does no harm", []Seat{seat(0, "a"), seat(1, "b"), {ID: 2, Machine: "c", Replaces: "x"}}, []Seat{seat(2, "x")}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			problems := Change{At: "brokers", Was: three(), Now: c.now, Retired: c.retired}.Check()
			if len(c.says) == 0 {
				if err := problems.Err(); err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if len(problems) != 1 {
				t.Fatalf("got %v, want one problem", problems)
			}
			text := problems[0].Path + ": " + problems[0].Message
			for _, part := range c.says {
				if !strings.Contains(text, part) {
					t.Errorf("got %q, want it to say %q", text, part)
				}
			}
		})
	}
}

func TestWhatIsGivenUpIsRemembered(t *testing.T) {
	first := Change{Was: three(), Now: []Seat{seat(0, "a"), {ID: 2, Machine: "d", Replaces: "c"}}}
	if got, want := first.Retire(), []Seat{seat(1, "b"), seat(2, "c")}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if !first.Kept("c") || first.Kept("b") {
		t.Error("the id of c lives on, that of b does not")
	}
	back := Change{Was: first.Now, Retired: first.Retire(), Now: append(first.Now, seat(1, "b"))}
	if got, want := back.Retire(), []Seat{seat(2, "c")}; !slices.Equal(got, want) {
		t.Errorf("once b is back: got %v, want %v", got, want)
	}
}
