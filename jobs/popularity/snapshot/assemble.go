package snapshot

import (
	"cmp"

	"weir/jobs/behavior"
)

// Publication is a partition's news, complete.
type Publication struct {
	Marker
	// News are the pages that changed.
	News map[string]Page
}

// Assembler puts publications together from the messages of one partition of the
// snapshot topic, read from anywhere. Its zero value is ready to use.
type Assembler struct {
	open map[publicationID]map[string]Page
	done map[int32]Position // the newest complete one
}

type publicationID struct {
	partition   int32
	state       string
	epoch       int64
	from, until int64
}

// Add takes the next message and returns a publication where it is the marker of
// a complete one that is newer than all before. One whose beginning was not read,
// or of which compaction removed pages, is never complete.
func (a *Assembler) Add(m Message) (Publication, bool) {
	if a.open == nil {
		a.open, a.done = map[publicationID]map[string]Page{}, map[int32]Position{}
	}
	switch {
	case m.Page != nil:
		id := publicationID{m.Partition, m.Page.State, m.Page.Epoch, m.Page.From, m.Page.Next}
		if a.open[id] == nil {
			a.open[id] = map[string]Page{}
		}
		a.open[id][m.PageID] = *m.Page
	case m.Marker != nil:
		return a.close(*m.Marker)
	}
	return Publication{}, false
}

func (a *Assembler) close(m Marker) (Publication, bool) {
	id := publicationID{m.Partition, m.State, m.Epoch, m.From, m.NextOffset}
	news := a.open[id]
	for other := range a.open { // what came before a marker can no longer get one
		if other.partition == m.Partition && other.epoch <= m.Epoch {
			delete(a.open, other)
		}
	}
	if last, ok := a.done[m.Partition]; ok && !newer(m.Position, last) || len(news) != m.Changes {
		return Publication{}, false
	}
	a.done[m.Partition] = m.Position
	return Publication{m, news}, true
}

// newer says whether p was published after q.
func newer(p, q Position) bool {
	return cmp.Or(
		cmp.Compare(p.State, q.State),
		cmp.Compare(p.NextOffset, q.NextOffset),
		cmp.Compare(p.Epoch, q.Epoch),
	) > 0
}

// Snapshot is one input partition's sums at a position.
type Snapshot struct {
	Position
	Pages map[string]behavior.Sums
}

// View is all that the snapshot topic says, for who reads it from its beginning.
// What a partition's owner of before still had on its way, and so comes behind what
// the next one says, changes nothing. Its zero value is ready to use.
type View struct {
	pages   map[int32]map[string]Page
	markers map[int32]Marker
}

// Add takes the next message.
func (v *View) Add(m Message) {
	if v.pages == nil {
		v.pages, v.markers = map[int32]map[string]Page{}, map[int32]Marker{}
	}
	switch {
	case m.Page != nil:
		if v.pages[m.Partition] == nil {
			v.pages[m.Partition] = map[string]Page{}
		}
		if was, ok := v.pages[m.Partition][m.PageID]; !ok || !newer(was.position(), m.Page.position()) {
			v.pages[m.Partition][m.PageID] = *m.Page
		}
	case m.Marker != nil:
		if was, ok := v.markers[m.Partition]; !ok || !newer(was.Position, m.Marker.Position) {
			v.markers[m.Partition] = *m.Marker
		}
	}
}

// position is what newer compares.
func (p Page) position() Position {
	return Position{State: p.State, Epoch: p.Epoch, NextOffset: p.Next}
}

// Snapshot returns a partition's sums at its last marker. It is false while there
// is none, and while pages are missing or of a later publication: then a later
// marker completes it.
func (v *View) Snapshot(partition int32) (Snapshot, bool) {
	marker, ok := v.markers[partition]
	s := Snapshot{marker.Position, map[string]behavior.Sums{}}
	var total behavior.Sums
	for id, page := range v.pages[partition] {
		if page.State != marker.State {
			continue // of a state before
		}
		s.Pages[id] = page.Sums
		if page.Next > marker.NextOffset || total.Add(page.Sums) != nil {
			return Snapshot{}, false
		}
	}
	return s, ok && total == marker.Total && len(s.Pages) == marker.Pages
}
