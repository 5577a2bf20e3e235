package popularity

import (
	"fmt"

	"weir/jobs/behavior"
	"weir/jobs/popularity/snapshot"
	"weir/jobs/popularity/store"
)

// unknown is where changes begin that a run before this one made: which pages
// they are is in the store, what was added to each is not.
const unknown = -1

// changes say which of a partition's pages were committed and not yet handed to the
// outlet, and what was added to each since the last time that they were.
type changes struct {
	// since is where they begin: a page has changed if the commit that changed it
	// last ended behind that. It is where the last publication ended.
	since int64
	// from is the same, or unknown.
	from int64
	// before are the pages' sums as they were handed over last, by slot.
	before []behavior.Sums
}

func newChanges(p store.Position) changes {
	since := max(p.First, p.Published)
	return changes{since: since, from: since}
}

// load tells of a page that the store holds, last changed by the commit that ended
// at an offset.
func (c *changes) load(slot int, sums behavior.Sums, changed int64, p store.Position) {
	if p.Published <= p.First {
		return // nothing is published: all of it is news
	}
	c.before[slot] = sums
	if changed > c.since {
		c.from = unknown
	}
}

// publication is a partition's news, copied out of the ledger.
type publication struct {
	marker snapshot.Marker
	names  names
	pages  []change
}

// change is a page's news.
type change struct {
	slot  uint32
	sums  behavior.Sums // all
	added behavior.Sums // since the marker's From
}

// HasNews says whether something was committed since the last publication.
func (l *Ledger) HasNews(partition int32) bool {
	shard := l.shards[partition]
	return shard.changes.from != shard.position.Next
}

// publish takes a partition's news: the next publication begins where it ends.
func (l *Ledger) publish(partition int32) publication {
	shard := l.shards[partition]
	c := &shard.changes
	var pages []change
	for slot, changed := range shard.changed {
		if changed <= c.since {
			continue
		}
		sums := shard.sums[slot]
		added, err := sums.Sub(c.before[slot])
		if err != nil {
			panic(fmt.Sprintf("partition %d page %q: %v", partition, shard.names.of(uint32(slot)), err)) // sums only grow
		}
		pages = append(pages, change{uint32(slot), sums, added})
		c.before[slot] = sums
	}
	p := publication{
		marker: snapshot.Marker{
			Position: snapshot.Position{
				ClusterID: l.identity.ClusterID, Topic: l.identity.Topic, TopicID: l.identity.TopicID,
				State: l.identity.State, Epoch: shard.position.Epoch, Partition: partition,
				FirstOffset: shard.position.First, NextOffset: shard.position.Next,
			},
			From: c.from, Pages: len(shard.sums), Changes: len(pages), Total: shard.total,
		},
		names: shard.names,
		pages: pages,
	}
	c.since, c.from = shard.position.Next, shard.position.Next
	return p
}

// messages are the publication on the wire, pages first: who has the marker has
// all that belongs to it. emit gets each with its key.
func (p publication) messages(emit func(key string, value []byte) error) error {
	for _, c := range p.pages {
		page := snapshot.Page{
			State: p.marker.State, Epoch: p.marker.Epoch, From: p.marker.From, Next: p.marker.NextOffset, Sums: c.sums,
		}
		if p.marker.From != unknown {
			page.Added = &c.added
		}
		value, err := page.Encode()
		if err == nil {
			err = emit(snapshot.PageKey(p.marker.Partition, string(p.names.of(c.slot))), value)
		}
		if err != nil {
			return err
		}
	}
	value, err := p.marker.Encode()
	if err != nil {
		return err
	}
	return emit(snapshot.MarkerKey(p.marker.Partition), value)
}
