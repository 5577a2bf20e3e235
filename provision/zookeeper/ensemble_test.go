package zookeeper

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"weir/provision/rollout"
)

var errDown = errors.New("connection refused")

func sortedCopy(list []string) []string {
	list = slices.Clone(list)
	slices.Sort(list)
	return list
}

// answers gives one answer a mode, for members 1, 2, … on m1, m2, …; "" is down.
func answers(modes ...string) []Answer {
	list := make([]Answer, len(modes))
	for i, mode := range modes {
		list[i] = Answer{Member: Member{Machine: "m" + string(rune('1'+i)), ID: i + 1}}
		if mode == "" {
			list[i].Err = errDown
		} else {
			list[i].Status = Status{Mode: mode, ID: i + 1, Membership: []string{"server.1=a", "server.2=b"}}
		}
	}
	return list
}

func TestCheckFindsWhatIsWrong(t *testing.T) {
	change := func(list []Answer, f func([]Answer)) []Answer { f(list); return list }
	for _, test := range []struct {
		name    string
		answers []Answer
		want    []string
	}{
		{"a leader and two followers are sound", answers(Follower, Leader, Follower), nil},
		{"five members are sound", answers(Follower, Follower, Follower, Leader, Follower), nil},
		{"one member stands alone", answers(Standalone), nil},
		{"one member is down", answers(Follower, Leader, ""), []string{"zookeeper on m3: connection refused (expected a member that serves)"}},
		{"nobody leads", answers(Follower, Follower, Follower), []string{"zookeeper: 0 leaders (expected exactly one leader)"}},
		{"two lead", answers(Leader, Follower, Leader), []string{"zookeeper: 2 leaders (m1, m3) (expected exactly one leader)"}},
		{"one stands alone among three", answers(Leader, Follower, Standalone), []string{"zookeeper on m3: standalone (expected leader or follower)"}},
		{"a single member that follows", answers(Follower), []string{"zookeeper on m1: follower (expected standalone)"}},
		{
			"a machine with another's id",
			change(answers(Leader, Follower), func(a []Answer) { a[1].Status.ID = 7 }),
			[]string{"zookeeper on m2: id 7 (expected id 2)"},
		},
		{
			"a member of another ensemble",
			change(answers(Leader, Follower), func(a []Answer) { a[1].Status.Membership = []string{"server.1=a", "server.2=c"} }),
			[]string{"zookeeper on m2: membership server.1=a server.2=c (expected the membership of m1: server.1=a server.2=b)"},
		},
		{
			"an old member tells neither id nor membership",
			change(answers(Leader, Follower), func(a []Answer) { a[1].Status.ID, a[1].Status.Membership = 0, nil }),
			nil,
		},
	} {
		var got []string
		for _, f := range Check(test.answers) {
			got = append(got, f.String())
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s:\n got %s\nwant %s", test.name, strings.Join(got, "\n     "), strings.Join(test.want, "\n     "))
		}
	}
}

func TestMachinesChangeInTheOrderThatHurtsLeast(t *testing.T) {
	for _, test := range []struct {
		name    string
		answers []Answer
		pending []string
		want    []rollout.Turn
	}{
		{"followers go before the leader", answers(Leader, Follower, Follower), []string{"m1", "m2", "m3"}, []rollout.Turn{{Machine: "m2"}, {Machine: "m3"}, {Machine: "m1", Why: "its member leads"}}},
		{"a member that is down goes first", answers(Leader, Follower, ""), []string{"m2", "m3"}, []rollout.Turn{{Machine: "m3", Why: "its member does not serve"}, {Machine: "m2"}}},
		{"the leader goes when it alone is left", answers(Leader, Follower, Follower), []string{"m1"}, []rollout.Turn{{Machine: "m1", Why: "its member leads"}}},
		{"what is not pending stays", answers("", Leader, Follower), []string{"m3", "z"}, []rollout.Turn{{Machine: "m3"}}},
	} {
		got, err := Order(test.answers, test.pending)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, %v; want %v", test.name, got, err, test.want)
		}
	}
	if _, err := Order(answers(Leader), []string{"z"}); err == nil {
		t.Error("a machine that is no member was ordered")
	}
}
