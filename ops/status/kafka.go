package status

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"

	"weir/ops/connect"
)

// brokerTimeout bounds asking one broker: connecting, agreeing on versions, and
// one question, each of which a broker that serves answers within milliseconds.
const brokerTimeout = 6 * time.Second

// Kafka is the brokers as they see each other.
type Kafka struct {
	// Version is the declared one.
	Version string `json:"version"`
	// ClusterID and Controller are what the first broker that answered said;
	// Controller is -1 where there is none.
	ClusterID  string `json:"clusterId"`
	Controller int32  `json:"controller"`
	// Brokers are the declared ones, by id; Strangers are registered ones that
	// nobody declared.
	Brokers   []Broker   `json:"brokers"`
	Strangers []Stranger `json:"strangers,omitempty"`
}

// Broker is one declared broker.
type Broker struct {
	ID      int32  `json:"id"`
	Machine string `json:"machine"`
	Address string `json:"address"`
	// Answers says that it answered at its declared address; Error says why not.
	Answers bool   `json:"answers"`
	Error   string `json:"error,omitempty"`
	// Registered says that the cluster lists it, at Advertised.
	Registered bool   `json:"registered"`
	Advertised string `json:"advertised,omitempty"`
	// Its own view, where it answered.
	ClusterID  string `json:"clusterId,omitempty"`
	Controller int32  `json:"controller"`
	// Leads and Follows count partitions; InSync those of both that are in sync.
	Leads   int `json:"leads"`
	Follows int `json:"follows"`
	InSync  int `json:"inSync"`
}

// Stranger is a registered broker that is not declared.
type Stranger struct {
	ID      int32  `json:"id"`
	Address string `json:"address"`
}

// Brokers asks all declared brokers at once; nil where none is declared. The
// topics are what the controller said, or else the first broker that answered.
func Brokers(ctx context.Context, s *connect.Session) (*Kafka, []Topic) {
	if s.Cluster.Kafka == nil {
		return nil, []Topic{}
	}
	var brokers []Broker
	for _, m := range s.Cluster.Machines {
		if id, ok := s.Cluster.Kafka.Brokers[m.Name]; ok {
			address, _ := s.BrokerAddress(m.Name)
			brokers = append(brokers, Broker{ID: id, Machine: m.Name, Address: address, Controller: -1})
		}
	}
	slices.SortFunc(brokers, func(a, b Broker) int { return cmp.Compare(a.ID, b.ID) })
	answers := make([]*sarama.MetadataResponse, len(brokers))
	each(len(brokers), func(i int) {
		ctx, cancel := context.WithTimeout(ctx, brokerTimeout)
		defer cancel()
		answer, err := s.Metadata(ctx, brokers[i].Machine)
		if err != nil {
			brokers[i].Error = err.Error()
			return
		}
		answers[i] = answer
	})
	return kafkaOf(s.Cluster.Kafka.Version, brokers, answers), topicsOf(s.Cluster.Topics, best(brokers, answers))
}

// best is the controller's answer, whose metadata is the freshest, or the first.
func best(brokers []Broker, answers []*sarama.MetadataResponse) *sarama.MetadataResponse {
	var first *sarama.MetadataResponse
	for i, a := range answers {
		switch {
		case a == nil:
		case a.ControllerID == brokers[i].ID:
			return a
		case first == nil:
			first = a
		}
	}
	return first
}

func kafkaOf(version string, brokers []Broker, answers []*sarama.MetadataResponse) *Kafka {
	k := &Kafka{Version: version, Controller: -1, Brokers: brokers}
	for i, a := range answers {
		if a == nil {
			continue
		}
		b := &k.Brokers[i]
		b.Answers, b.ClusterID, b.Controller = true, clusterID(a), a.ControllerID
	}
	view := best(brokers, answers)
	if view == nil {
		return k
	}
	k.ClusterID, k.Controller = clusterID(view), view.ControllerID
	registered := map[int32]string{}
	for _, b := range view.Brokers {
		registered[b.ID()] = b.Addr()
	}
	for i := range k.Brokers {
		b := &k.Brokers[i]
		b.Advertised, b.Registered = registered[b.ID]
		delete(registered, b.ID)
		b.countPartitions(view)
	}
	for _, id := range slices.Sorted(maps.Keys(registered)) {
		k.Strangers = append(k.Strangers, Stranger{ID: id, Address: registered[id]})
	}
	return k
}

func (b *Broker) countPartitions(view *sarama.MetadataResponse) {
	for _, t := range view.Topics {
		for _, p := range t.Partitions {
			switch {
			case p.Leader == b.ID:
				b.Leads++
			case slices.Contains(p.Replicas, b.ID):
				b.Follows++
			}
			if slices.Contains(p.Isr, b.ID) {
				b.InSync++
			}
		}
	}
}

func clusterID(a *sarama.MetadataResponse) string {
	if a.ClusterID == nil {
		return ""
	}
	return *a.ClusterID
}

// Machine names the machine of a broker id, or "" where it is not declared.
func (k *Kafka) Machine(id int32) string {
	for _, b := range k.Brokers {
		if b.ID == id {
			return b.Machine
		}
	}
	return ""
}

// Err is why no broker answered, or nil where one did.
func (k *Kafka) Err() error {
	var why []string
	for _, b := range k.Brokers {
		if b.Answers {
			return nil
		}
		why = append(why, b.Error)
	}
	return errors.New("no broker answered: " + strings.Join(why, "; "))
}
