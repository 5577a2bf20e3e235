package popularity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"weir/jobs/popularity/store"
	"weir/jobs/popularity/store/postgres"
)

// instance is a calculator without its readers: what it counts is made up.
type instance struct {
	name   string
	url    string
	state  *postgres.Store
	ledger *Ledger
	starts int
}

var shared = store.Identity{Format: store.Format, State: "s", Topic: "t"}

// start begins anew, as a process that was killed does: it has given nothing back.
func (i *instance) start(t *testing.T) {
	t.Helper()
	if i.state != nil {
		killed, kill := context.WithCancel(t.Context())
		kill()
		_ = i.state.Close(killed)
	}
	s, err := postgres.Open(t.Context(), i.url, i.name, false)
	if err == nil {
		err = s.Begin(t.Context(), shared, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	i.state, i.ledger = s, NewLedger(s, shared, testKeep, testNow)
	i.starts++
}

// share takes and releases as the engine does.
func (i *instance) share(ctx context.Context, partitions []int32) error {
	taken, surplus, err := i.state.Share(ctx, partitions)
	if err != nil {
		return err
	}
	for _, p := range surplus {
		if _, err := i.ledger.Commit(ctx); err != nil {
			return err
		}
		if err := errors.Join(i.state.Release(ctx, p), i.ledger.Drop(ctx, p)); err != nil {
			return err
		}
	}
	return i.ledger.Take(ctx, taken, new(Progress))
}

// count counts a few more records of each partition.
func (i *instance) count(records int64) error {
	for _, p := range i.ledger.Partitions() {
		shard := i.ledger.Shard(p)
		from := shard.Next()
		var values []string
		for offset := from; offset < from+records; offset++ {
			values = append(values, text(p, offset))
		}
		chunk, err := newChunk(from, values...)
		if err == nil {
			err = shard.Apply(chunk)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// TestInstancesThatShareADatabaseNeitherLoseNorCountTwice has three instances
// count, commit, hand over, be suspended and be killed in random order.
func TestInstancesThatShareADatabaseNeitherLoseNorCountTwice(t *testing.T) {
	url := server.URL(t)
	draw := rand.New(rand.NewPCG(1, 2))
	partitions := []int32{0, 1, 2, 3}
	instances := []*instance{{name: "a", url: url}, {name: "b", url: url}, {name: "c", url: url}}
	control, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer control.Close(t.Context())
	for _, i := range instances {
		i.start(t)
	}
	fenced := 0
	for range 400 {
		i := instances[draw.IntN(len(instances))]
		var err error
		switch what := draw.IntN(20); {
		case what < 8:
			err = i.count(1 + draw.Int64N(20))
		case what < 13:
			_, err = i.ledger.Commit(t.Context())
		case what < 18:
			err = i.share(t.Context(), partitions)
		case what < 19: // suspended for so long that others take what it has, and then it goes on
			_, err = control.Exec(t.Context(), `UPDATE weir_member SET seen = seen - interval '1 hour' WHERE name = $1`, i.name)
			for _, other := range instances {
				if other == i || err != nil {
					continue
				}
				if err := errors.Join(other.share(t.Context(), partitions), other.count(3)); errors.As(err, new(*store.LostError)) {
					other.start(t)
				} else if err != nil {
					t.Fatal(err)
				}
				if _, err := other.ledger.Commit(t.Context()); err != nil {
					other.start(t)
				}
			}
			if err = errors.Join(err, i.count(1+draw.Int64N(5))); err == nil { // less than its heirs, or more
				_, err = i.ledger.Commit(t.Context())
			}
		default: // killed: nothing is given back
			i.start(t)
		}
		var lost *store.LostError
		if errors.As(err, &lost) {
			fenced++
			i.start(t)
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if fenced == 0 {
		t.Error("nobody was fenced: the test shows nothing")
	}
	heir := &instance{name: "heir", url: url}
	heir.start(t)
	if _, err := control.Exec(t.Context(), `DELETE FROM weir_member`); err != nil {
		t.Fatal(err)
	}
	if err := heir.share(t.Context(), partitions); err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, p := range partitions {
		next := heir.ledger.Position(p).Next
		want, _ := recount(t, p, 0, next)
		if got := pagesOf(heir.ledger, p); !maps.Equal(got, want) {
			t.Errorf("partition %d to offset %d: got %v, want %v", p, next, got, want)
		}
		total += next
	}
	t.Logf("%d records, fenced %d times", total, fenced)

	ours := top(t, heir.ledger, 5, 0)
	theirs, offsets, err := topOf(t.Context(), heir.state, 5, testWeights, testKeep, 0)
	if err != nil || fmt.Sprint(theirs) != fmt.Sprint(ours) || len(offsets) != len(partitions) {
		t.Errorf("the database's top is %v, %v; ours %v", theirs, err, ours)
	}
	ours = top(t, heir.ledger, 5, 2*time.Minute)
	if theirs, _, err = topOf(t.Context(), heir.state, 5, testWeights, testKeep, 2*time.Minute); err != nil || fmt.Sprint(theirs) != fmt.Sprint(ours) {
		t.Errorf("the database's top of two minutes is %v, %v; ours %v", theirs, err, ours)
	}
}
