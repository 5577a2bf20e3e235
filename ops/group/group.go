// Package group looks at consumer groups for an operator: who is in them, how
// far they have read, and what moving them would mean.
//
// A group's coordinator is asked itself, and so is the leader of each partition
// that it reads. Those that do not answer are named, and what the others said is
// returned.
package group

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/IBM/sarama"

	"weir/ops/connect"
	"weir/ops/topic"
	"weir/provision/kafka"
)

// ErrNoGroup says that no broker knows the group.
var ErrNoGroup = errors.New("there is no such group")

// List is a cluster's groups. Fields are only ever added.
type List struct {
	Groups   []Summary `json:"groups"`
	Problems []string  `json:"problems,omitempty"`
}

// Summary is one group.
type Summary struct {
	Name string `json:"name"`
	// State is Kafka's word: Empty, Stable, PreparingRebalance and so on.
	State       string `json:"state"`
	Coordinator int32  `json:"coordinator"`
}

// listVersion tells the states of groups too (KIP-518, 2.6).
const listVersion = 4

// Look lists the groups of all brokers, sorted.
func Look(ctx context.Context, s *connect.Session) (List, error) {
	view, err := s.View(ctx)
	if err != nil {
		return List{}, err
	}
	answers, failed := connect.AskAll(ctx, s, view.Brokers, func(_ int32, b *sarama.Broker) (*sarama.ListGroupsResponse, error) {
		answer, err := b.ListGroups(&sarama.ListGroupsRequest{Version: listVersion})
		if err == nil && answer.Err != sarama.ErrNoError {
			err = answer.Err
		}
		return answer, err
	})
	list := List{Groups: []Summary{}}
	for id, answer := range answers {
		for name := range answer.Groups {
			list.Groups = append(list.Groups, Summary{Name: name, State: answer.GroupsData[name].GroupState, Coordinator: id})
		}
	}
	slices.SortFunc(list.Groups, func(a, b Summary) int { return cmp.Compare(a.Name, b.Name) })
	for _, id := range slices.Sorted(maps.Keys(failed)) {
		list.Problems = append(list.Problems, fmt.Sprintf("broker %d does not tell its groups (%v)", id, failed[id]))
	}
	return list, nil
}

// Description is all about one group. Fields are only ever added.
type Description struct {
	Name        string `json:"name"`
	State       string `json:"state"`
	Protocol    string `json:"protocol,omitempty"`
	Coordinator int32  `json:"coordinator"`
	// Lag is that of all partitions together, as far as it is told.
	Lag        int64       `json:"lag"`
	Members    []Member    `json:"members"`
	Partitions []Partition `json:"partitions"`
	Problems   []string    `json:"problems,omitempty"`

	view kafka.View
	at   string // the coordinator's address
}

// Member is one consumer of a group.
type Member struct {
	ID       string `json:"id"`
	Client   string `json:"client"`
	Host     string `json:"host"`
	Assigned int    `json:"assigned"`
}

// Partition is how far a group has read one partition. Numbers that nobody tells
// are -1.
type Partition struct {
	Topic     string `json:"topic"`
	ID        int32  `json:"id"`
	Committed int64  `json:"committed"`
	Latest    int64  `json:"latest"`
	Lag       int64  `json:"lag"`
	// Member is the client that reads it.
	Member string `json:"member,omitempty"`
	Error  string `json:"error,omitempty"`
}

// Live says that consumers are in the group, or about to be.
func (d Description) Live() bool {
	return len(d.Members) > 0 || d.State != "Empty" && d.State != "Dead"
}

// Describe looks at one group; where there is none the error is ErrNoGroup.
func Describe(ctx context.Context, s *connect.Session, name string) (Description, error) {
	view, err := s.View(ctx)
	if err != nil {
		return Description{}, err
	}
	coordinator, err := connect.AskAny(ctx, s, view.Brokers, func(b *sarama.Broker) (*sarama.Broker, error) {
		return findCoordinator(b, name)
	})
	if err != nil {
		return Description{}, fmt.Errorf("group %s: no coordinator is known: %w", name, err)
	}
	type answer struct {
		group     *sarama.GroupDescription
		committed map[string]map[int32]*sarama.OffsetFetchResponseBlock
	}
	a, err := connect.Ask(ctx, s, coordinator.Addr(), func(b *sarama.Broker) (answer, error) {
		group, err := describe(b, name)
		if err != nil {
			return answer{}, err
		}
		committed, err := committedOf(b, name)
		return answer{group, committed}, err
	})
	if err != nil {
		return Description{}, fmt.Errorf("group %s: its coordinator, broker %d, does not tell: %w", name, coordinator.ID(), err)
	}
	if a.group.State == "Dead" && len(a.committed) == 0 {
		return Description{}, fmt.Errorf("group %s: %w; ops group list shows which there are", name, ErrNoGroup)
	}
	d := Description{
		Name: name, State: a.group.State, Protocol: a.group.Protocol, Coordinator: coordinator.ID(),
		Members: []Member{}, view: view, at: coordinator.Addr(),
	}
	readers := d.addMembers(a.group.Members)
	d.addPartitions(ctx, s, a.committed, readers)
	return d, nil
}

func findCoordinator(b *sarama.Broker, group string) (*sarama.Broker, error) {
	answer, err := b.FindCoordinator(&sarama.FindCoordinatorRequest{Version: 1, CoordinatorKey: group, CoordinatorType: sarama.CoordinatorGroup})
	switch {
	case err != nil:
		return nil, err
	case answer.Err != sarama.ErrNoError:
		return nil, answer.Err
	case answer.Coordinator == nil:
		return nil, sarama.ErrConsumerCoordinatorNotAvailable
	}
	return answer.Coordinator, nil
}

func describe(b *sarama.Broker, group string) (*sarama.GroupDescription, error) {
	answer, err := b.DescribeGroups(&sarama.DescribeGroupsRequest{Version: 4, Groups: []string{group}})
	switch {
	case err != nil:
		return nil, err
	case len(answer.Groups) != 1:
		return nil, sarama.ErrIncompleteResponse
	case answer.Groups[0].Err != sarama.ErrNoError:
		return nil, answer.Groups[0].Err
	}
	return answer.Groups[0], nil
}

func committedOf(b *sarama.Broker, group string) (map[string]map[int32]*sarama.OffsetFetchResponseBlock, error) {
	// The request of that version asks for one group, and all of its partitions.
	answer, err := b.FetchOffset(sarama.NewOffsetFetchRequest(sarama.V2_5_0_0, group, nil))
	if err == nil && answer.Err != sarama.ErrNoError {
		err = answer.Err
	}
	if err != nil {
		return nil, err
	}
	return answer.Blocks, nil
}

// addMembers returns who reads which partition.
func (d *Description) addMembers(members map[string]*sarama.GroupMemberDescription) map[topic.Partition]string {
	readers := map[topic.Partition]string{}
	for _, id := range slices.Sorted(maps.Keys(members)) {
		m := members[id]
		member := Member{ID: id, Client: m.ClientId, Host: strings.TrimPrefix(m.ClientHost, "/")}
		if assigned, err := m.GetMemberAssignment(); err == nil && assigned != nil {
			for name, ids := range assigned.Topics {
				member.Assigned += len(ids)
				for _, id := range ids {
					readers[topic.Partition{Topic: name, ID: id}] = m.ClientId
				}
			}
		}
		d.Members = append(d.Members, member)
	}
	return readers
}

func (d *Description) addPartitions(ctx context.Context, s *connect.Session, committed map[string]map[int32]*sarama.OffsetFetchResponseBlock, readers map[topic.Partition]string) {
	offsets := map[topic.Partition]int64{}
	for at := range readers {
		offsets[at] = -1
	}
	for name, partitions := range committed {
		for id, block := range partitions {
			offsets[topic.Partition{Topic: name, ID: id}] = block.Offset
		}
	}
	read := d.view.With(func(p kafka.Partition) bool {
		_, is := offsets[topic.Partition{Topic: p.Topic, ID: p.ID}]
		return is
	})
	latest, failed := topic.Offsets(ctx, s, d.view, read, topic.Latest)
	d.Partitions = []Partition{}
	for at, offset := range offsets {
		p := Partition{Topic: at.Topic, ID: at.ID, Committed: offset, Latest: -1, Lag: -1, Member: readers[at]}
		end, told := latest[at]
		switch {
		case told:
			p.Latest = end
			if offset >= 0 {
				p.Lag = max(0, end-offset)
				d.Lag += p.Lag
			}
		case failed[at] != nil:
			p.Error = failed[at].Error()
			d.Problems = append(d.Problems, fmt.Sprintf("the end of %s-%d is not told: %s", at.Topic, at.ID, p.Error))
		default:
			p.Error = "it is no longer there"
		}
		d.Partitions = append(d.Partitions, p)
	}
	slices.SortFunc(d.Partitions, func(a, b Partition) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID))
	})
	slices.Sort(d.Problems)
}
