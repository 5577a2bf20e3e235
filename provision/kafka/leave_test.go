package kafka

import (
	"strings"
	"testing"
)

// shrunk is roll without m3, which leaves.
func shrunk(l Leaver) Roll {
	return Roll{Brokers: map[string]int32{"m1": 1, "m2": 2}, Leaving: map[string]Leaver{"m3": l}}
}

func TestABrokerThatHoldsReplicasDoesNotLeave(t *testing.T) {
	leaver := Leaver{ID: 3, Address: "c:9092"}
	var many []Partition
	for i := range int32(14) {
		many = append(many, part(func(p *Partition) { p.ID = i }))
	}
	for _, c := range []struct {
		name   string
		leaver Leaver
		view   View
		silent []string
		says   []string // nothing where it may
	}{
		{"it holds none", leaver, viewWith(part(func(p *Partition) { p.Replicas = []int32{1, 2} })), nil, nil},
		{"it holds one", leaver, viewWith(part(nil)), nil, []string{"broker 3 on m3", "t-0;", "ops topic reassign --remove-broker 3"}},
		{"it holds many, of which some are named", leaver, viewWith(many...), nil, []string{"t-0, t-1,", "t-9 and 4 more"}},
		{"it is lost", leaver, viewWith(part(nil)), []string{"m3"}, []string{"does not answer", "replaces: m3"}},
		{"another machine takes its place", Leaver{ID: 3, Replaced: true}, viewWith(part(nil)), nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := shrunk(c.leaver).holding(c.view, c.silent)
			if len(c.says) == 0 && err != nil {
				t.Errorf("refused: %v", err)
			}
			for _, part := range c.says {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("got %v, want it to say %q", err, part)
				}
			}
		})
	}
}

func TestAnIdIsNotGivenOnWhileItsBrokerServesOutOfReach(t *testing.T) {
	heir := shrunk(Leaver{ID: 3, Address: "c:9092", Replaced: true})
	if err := heir.serving(viewWith(), []string{"m3"}); err == nil || !strings.Contains(err.Error(), "m3 cannot be reached; stop it") {
		t.Errorf("it is registered: got %v, want it refused", err)
	}
	if err := heir.serving(viewWith(), nil); err != nil {
		t.Errorf("its machine answers, and it will be stopped: got %v", err)
	}
	gone := viewWith()
	delete(gone.Brokers, 3)
	if err := heir.serving(gone, []string{"m3"}); err != nil {
		t.Errorf("it is not registered: got %v", err)
	}
	elsewhere := viewWith()
	elsewhere.Brokers[3] = "d:9092"
	if err := heir.serving(elsewhere, []string{"m3"}); err != nil {
		t.Errorf("the heir is at work already: got %v", err)
	}
}

func TestABrokerThatLeavesGoesFirstAndIsGone(t *testing.T) {
	r := shrunk(Leaver{ID: 3, Address: "c:9092"})
	turns, err := r.order(viewWith(), []string{"m1", "m2", "m3"})
	if err != nil || len(turns) != 3 || turns[0].Machine != "m3" || turns[0].Why != "it leaves" {
		t.Errorf("got %v, %v; want m3 first, as it leaves", turns, err)
	}
	if err := r.gone(viewWith(), "m3"); err == nil {
		t.Error("a broker that is registered counts as gone")
	}
	if _, err := r.judge(viewWith(part(nil)), "m3"); err == nil {
		t.Error("a broker that was given a replica on the way may be stopped")
	}
}
