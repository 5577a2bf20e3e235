package popularity

import (
	"weir/jobs/behavior"
	"weir/jobs/popularity/snapshot"
	"weir/jobs/popularity/store"
)

// unknown is where changes begin that a run before this one made: which pages
// they are is in the store, what was added to each is not.
const unknown = -1

// changes are a partition's pages that were committed and not yet handed to the
// outlet, and what was added to each since the last that were.
type changes struct {
	tally
	// from is the offset where they begin: where the last publication ended.
	from int64
}

// load tells of a page that the store holds, last changed by the commit that
// ended at an offset.
func (c *changes) load(slot uint32, sums behavior.Sums, changed int64, p store.Position) {
	switch {
	case p.Published <= p.First: // nothing is published: all of it is news
		c.cell(slot, timeless).sums = sums
	case changed > p.Published:
		c.cell(slot, timeless)
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
	p := publication{
		marker: snapshot.Marker{
			Position: snapshot.Position{
				ClusterID: l.identity.ClusterID, Topic: l.identity.Topic, TopicID: l.identity.TopicID,
				State: l.identity.State, Epoch: shard.position.Epoch, Partition: partition,
				FirstOffset: shard.position.First, NextOffset: shard.position.Next,
			},
			From: shard.changes.from, Pages: len(shard.sums), Changes: len(shard.changes.cells), Total: shard.total,
		},
		names: shard.names,
		pages: make([]change, len(shard.changes.cells)),
	}
	for i, c := range shard.changes.cells {
		p.pages[i] = change{c.slot, shard.sums[c.slot], c.sums}
	}
	shard.changes.reset()
	shard.changes.from = shard.position.Next
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
