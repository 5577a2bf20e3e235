package reassign

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// Leaders are throttled for all replicas there are, followers for the new ones
// alone; brokers that are gone are not told; what moves no data is not throttled.
func TestThrottlesAreThoseOfTheMovesAlone(t *testing.T) {
	moves := []Move{
		{Topic: "t", ID: 0, From: []int32{0, 1}, To: []int32{1, 2}},
		{Topic: "t", ID: 1, From: []int32{9}, To: []int32{0}},
		{Topic: "u", ID: 0, From: []int32{3, 4}, To: []int32{4, 3}},
	}
	got := throttles(moves, 1000, map[int32]string{0: "", 1: "", 2: "", 3: "", 4: ""})
	want := []Throttle{
		{Broker: 0, Name: leaderRate, Value: "1000"}, {Broker: 0, Name: followerRate, Value: "1000"},
		{Broker: 1, Name: leaderRate, Value: "1000"}, {Broker: 1, Name: followerRate, Value: "1000"},
		{Broker: 2, Name: leaderRate, Value: "1000"}, {Broker: 2, Name: followerRate, Value: "1000"},
		{Topic: "t", Name: leaderReplicas, Value: "0:0,0:1,1:9"},
		{Topic: "t", Name: followerReplicas, Value: "0:2,1:0"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("of %v came\n%v, want\n%v", moves, got, want)
	}
}

func TestARecordOutlivesItsRunAndIsHeldByOne(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "stack")
	first, left, err := OpenLog(dir)
	if err != nil || !left.empty() {
		t.Fatalf("a first run: left %+v, %v", left, err)
	}
	record := Record{Moves: []Move{{Topic: "t", From: []int32{1}, To: []int32{2}}}, Throttles: []Throttle{{Broker: 1, Name: leaderRate, Value: "5"}}}
	if err := first.Write(record); err != nil {
		t.Fatal(err)
	}
	var busy *BusyError
	if _, _, err := OpenLog(dir); !errors.As(err, &busy) {
		t.Errorf("a second run beside it: got %v, want a BusyError", err)
	}
	if err := first.Close(); err != nil { // as a kill does
		t.Fatal(err)
	}
	second, left, err := OpenLog(dir)
	if err != nil || !reflect.DeepEqual(left, record) {
		t.Fatalf("the run after: got %+v, %v; want %+v", left, err, record)
	}
	defer second.Close()
	if err := second.Write(Record{}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "reassign.json")); !os.IsNotExist(err) {
		t.Errorf("a run that ended left its record (stat says: %v)", err)
	}
}

// Kafka writes a subject's settings as a whole: two requests at a time, and one is
// lost.
func TestThrottlesOfOneSubjectGoInOneRequest(t *testing.T) {
	all := throttles([]Move{{Topic: "t", From: []int32{0}, To: []int32{0, 1}}}, 5, map[int32]string{0: "", 1: ""})
	groups := bySubject(all)
	if len(groups) != 3 {
		t.Fatalf("%v went into %d groups, want those of two brokers and a topic", all, len(groups))
	}
	for _, g := range groups {
		if len(g) != 2 || g[0].subject() != g[1].subject() {
			t.Errorf("got the group %v, want two settings of one subject", g)
		}
	}
}
