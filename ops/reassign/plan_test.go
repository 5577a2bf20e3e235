package reassign

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"weir/provision/kafka"
)

// view is a cluster of brokers 0 to n-1 with these partitions of topic t.
func view(n int, replicas ...[]int32) kafka.View {
	v := kafka.View{Brokers: map[int32]string{}}
	for id := range int32(n) {
		v.Brokers[id] = fmt.Sprintf("b%d:9092", id)
	}
	for i, r := range replicas {
		v.Partitions = append(v.Partitions, kafka.Partition{Topic: "t", ID: int32(i), Leader: r[0], Replicas: r, ISR: r})
	}
	return v
}

func TestAPlanMovesAsLittleAsTheWishNeeds(t *testing.T) {
	three := [][]int32{{0, 1, 2}, {1, 2, 0}, {2, 0, 1}}
	for _, c := range []struct {
		name string
		view kafka.View
		wish Wish
		want string
	}{
		{"nothing to do", view(3, three...), Wish{To: []int32{0, 1, 2}}, ""},
		{"a broker is emptied: only its replicas move", view(4, []int32{0, 1, 2}, []int32{3, 1, 2}, []int32{1, 2, 0}), Wish{Remove: []int32{0}},
			"t-0 [0 1 2] -> [2 1 3]; t-2 [1 2 0] -> [1 2 3]"},
		{"a new broker gets its share", view(4, three...), Wish{To: []int32{0, 1, 2, 3}},
			"t-0 [0 1 2] -> [1 3 2]; t-1 [1 2 0] -> [3 2 0]"},
		{"more replicas", view(3, []int32{0}, []int32{1}), Wish{Replicas: 2}, "t-0 [0] -> [0 2]; t-1 [1] -> [1 0]"},
		{"fewer replicas: the preferred leader stays", view(3, three...), Wish{Replicas: 2},
			"t-0 [0 1 2] -> [0 1]; t-1 [1 2 0] -> [1 2]; t-2 [2 0 1] -> [2 0]"},
		{"to other brokers altogether", view(4, []int32{0, 1}), Wish{To: []int32{2, 3}}, "t-0 [0 1] -> [2 3]"},
		{"leaders are spread, without moving data", view(2, []int32{0, 1}, []int32{0, 1}), Wish{To: []int32{0, 1}}, "t-0 [0 1] -> [1 0]"},
	} {
		moves, err := Plan(c.view, c.wish)
		var got []string
		for _, m := range moves {
			got = append(got, fmt.Sprintf("%s %v -> %v", m, m.From, m.To))
		}
		if text := strings.Join(got, "; "); err != nil || text != c.want {
			t.Errorf("%s: of %v, %+v came %q, %v; want %q", c.name, c.view.Partitions, c.wish, text, err, c.want)
		}
	}
}

func TestAWishThatCannotBeIsRefused(t *testing.T) {
	offline := view(3, []int32{0, 1})
	offline.Partitions[0].Leader = -1
	strict := view(3, []int32{0, 1, 2})
	strict.Partitions[0].MinISR = 2
	for _, c := range []struct {
		name string
		view kafka.View
		wish Wish
		want string
	}{
		{"too few brokers are left", view(3, []int32{0, 1, 2}), Wish{Remove: []int32{2}}, "needs 3 brokers, and 2 are left"},
		{"a broker that is not there", view(3, []int32{0}), Wish{To: []int32{7}}, "broker 7 is not in the cluster"},
		{"a topic that is not there", view(3, []int32{0}), Wish{Topics: []string{"x"}, Replicas: 1}, "no such topic"},
		{"fewer replicas than a write takes", strict, Wish{Replicas: 1}, "takes 2 replicas in sync for a write, and would have 1"},
		{"a partition without a leader", offline, Wish{Remove: []int32{0}}, "has no leader"},
	} {
		if _, err := Plan(c.view, c.wish); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// Whatever is wished for, the outcome is what was asked, and a second plan is empty.
func TestAPlanIsWhatWasAskedForAndThenNothing(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n := 2 + random.IntN(5)
		v := view(n)
		for i := range 1 + random.IntN(12) {
			var replicas []int32
			for _, id := range random.Perm(n)[:1+random.IntN(n)] {
				replicas = append(replicas, int32(id))
			}
			v.Partitions = append(v.Partitions, kafka.Partition{Topic: "t", ID: int32(i), Leader: replicas[0], Replicas: replicas, ISR: replicas})
		}
		w := Wish{Replicas: 1 + random.IntN(n)}
		if random.IntN(2) == 0 {
			for id := range int32(n) {
				w.To = append(w.To, id)
			}
		}
		moves, err := Plan(v, w)
		if err != nil {
			t.Fatalf("%+v of %+v: %v", w, v, err)
		}
		for _, m := range moves {
			v.Partitions[m.ID].Replicas, v.Partitions[m.ID].ISR = m.To, m.To
			distinct := slices.Compact(slices.Sorted(slices.Values(m.To)))
			if len(m.To) != w.Replicas || len(distinct) != len(m.To) {
				t.Fatalf("%+v: %s gets %v", w, m, m.To)
			}
		}
		if again, err := Plan(v, w); err != nil || len(again) > 0 {
			t.Fatalf("%+v: a second plan moves %v, %v, after %v", w, again, err, moves)
		}
	}
}
