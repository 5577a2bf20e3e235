package zookeeper

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// members are 1, 2, … on m1, m2, ….
func members(n int) []Member {
	var all []Member
	for _, a := range answers(slices.Repeat([]string{Follower}, n)...) {
		all = append(all, a.Member)
	}
	return all
}

func leavers(list []Member) []Leaver {
	var all []Leaver
	for _, m := range list {
		all = append(all, Leaver{Member: m})
	}
	return all
}

func TestAnEnsembleShrinksOnlyWhereAQuorumStays(t *testing.T) {
	for _, c := range []struct {
		name      string
		was, stay int
		says      string
	}{
		{"three become two", 3, 2, "an ensemble of 3 cannot become one of 2"},
		{"three become one", 3, 1, "an ensemble of 3 cannot become one of 1"},
		{"two become one", 2, 1, "an ensemble of 2 cannot become one of 1"},
		{"seven become three at once", 7, 3, "take away at most 3 at a time"},
	} {
		t.Run(c.name, func(t *testing.T) {
			all := members(c.was)
			e := Ensemble{Members: all[:c.stay], Leaving: leavers(all[c.stay:])}
			err := e.MayLeave(t.Context(), nil, nil)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%d of %d stay: got %v, want %q", c.stay, c.was, err, c.says)
			}
		})
	}
}

func TestSoManyAreReplacedThatTheOthersAreAQuorum(t *testing.T) {
	for _, c := range []struct{ members, replaced, most int }{{3, 1, 1}, {3, 2, 1}, {5, 2, 2}, {5, 3, 2}, {2, 1, 0}} {
		all := members(c.members)
		e := Ensemble{Members: all}
		for _, m := range all[:c.replaced] {
			e.Leaving = append(e.Leaving, Leaver{Member: m, Replaced: true})
		}
		err := e.MayLeave(t.Context(), nil, nil)
		refused := err != nil && strings.Contains(err.Error(), fmt.Sprintf("replace at most %d at a time", c.most))
		if refused != (c.replaced > c.most) || err != nil && !refused {
			t.Errorf("%d of %d replaced: got %v, want at most %d", c.replaced, c.members, err, c.most)
		}
	}
}

func TestAMemberLeavesOnlyWhereEachStepKeepsAQuorum(t *testing.T) {
	parting := members(5)[3:] // m4 and m5
	for _, c := range []struct {
		name        string
		modes       []string
		interrupted []string
		says        string // nothing where it may
	}{
		{"all serve", []string{Follower, Leader, Follower, Follower, Follower}, []string{"m1", "m2", "m3", "m4", "m5"}, ""},
		{"one that leaves is down", []string{Follower, Leader, Follower, "", Follower}, []string{"m1", "m2", "m3", "m5"}, ""},
		{"both that leave are down", []string{Follower, Leader, Follower, "", ""}, []string{"m1", "m2", "m3"}, "3 of 5 members serve, and not m4, m5"},
		{"both have left, and only the leader is to follow", []string{Follower, Leader, Follower, "", ""}, []string{"m2"}, ""},
		{"one that leaves leads", []string{Follower, Follower, Follower, Follower, Leader}, []string{"m1", "m5"}, "m5 leads the ensemble and is to leave it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := spared(answers(c.modes...), parting, c.interrupted)
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("%q, restarting %q: got %v, want %q", c.modes, c.interrupted, err, c.says)
			}
		})
	}
}

func TestThoseThatLeaveGoBehindTheFollowersAndBeforeTheLeader(t *testing.T) {
	all := members(5)
	e := Ensemble{Members: all[:3], Leaving: leavers(all[3:])}
	for _, c := range []struct{ pending, want string }{
		{"m1 m2 m3 m4 m5", "m2 m3 m4 m5 m1"},
		{"m2 m4", "m2 m4"},
		{"m4 m5", "m4 m5"},
		{"m1 m5", "m5 m1"},
	} {
		turns, err := e.withLeavers(answers(Leader, Follower, Follower), strings.Fields(c.pending))
		var got []string
		for _, turn := range turns {
			got = append(got, turn.Machine)
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %q, %v; want %s", c.pending, got, err, c.want)
		}
	}
}
