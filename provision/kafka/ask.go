package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/IBM/sarama"
)

// minISRConfig is the topic setting that says how many replicas must be in sync.
const minISRConfig = "min.insync.replicas"

// View asks for everything: the controller, whose metadata is the freshest, or
// another broker where that one does not answer.
func (a *Admin) View(ctx context.Context) (View, error) {
	if a.registry != nil {
		return a.registry.View(ctx)
	}
	var v View
	err := a.do(ctx, "asking for the cluster's state", func(client sarama.Client, admin sarama.ClusterAdmin) error {
		broker, answer, err := a.metadata(client, admin)
		if err != nil {
			return err
		}
		if v, err = viewOf(answer); err != nil {
			return err
		}
		return v.readMinISR(broker, a.version)
	})
	return v, err
}

// metadata returns what the first broker that answers says, and that broker. One
// that is not yet told what there is, while it starts, is no answer.
func (a *Admin) metadata(client sarama.Client, admin sarama.ClusterAdmin) (*sarama.Broker, *sarama.MetadataResponse, error) {
	if err := refresh(client); err != nil {
		return nil, nil, err
	}
	brokers := client.Brokers()
	if controller, err := client.Controller(); err == nil {
		brokers = append([]*sarama.Broker{controller}, brokers...)
	}
	errs := []error{sarama.ErrOutOfBrokers}
	for _, b := range brokers {
		_ = b.Open(client.Config()) // one that is open stays so; what fails shows below
		answer, err := b.GetMetadata(sarama.NewMetadataRequest(a.config.Version, nil))
		if err == nil {
			err = told(b, admin, answer)
		}
		if err == nil {
			return b, answer, nil
		}
		errs = append(errs, fmt.Errorf("broker %d at %s: %w", b.ID(), b.Addr(), err))
	}
	asked := make([]string, len(brokers))
	for i, b := range brokers {
		asked[i] = b.Addr()
	}
	return nil, nil, &SilentError{Asked: asked, Err: errors.Join(errs...)}
}

// errNoBrokersKnown is a broker's state while it starts (KAFKA-7924).
var errNoBrokersKnown = errors.New("it knows no brokers yet")

// errNoTopicsKnown is what follows: a new controller tells brokers of each other
// before it tells them of topics (KafkaController.onControllerFailover).
var errNoTopicsKnown = errors.New("it knows no topics yet")

// logDirsVersion is the request that brokers answer since 2.0.
const logDirsVersion = 1

// told says what a broker that has just started does not know yet. Where it knows
// of no topic, those that it has a log of would be some: the controller is asked
// whether they might be created.
func told(b *sarama.Broker, admin sarama.ClusterAdmin, answer *sarama.MetadataResponse) error {
	switch {
	case len(answer.Brokers) == 0:
		return errNoBrokersKnown
	case len(answer.Topics) > 0:
		return nil
	}
	logs, err := b.DescribeLogDirs(&sarama.DescribeLogDirsRequest{Version: logDirsVersion})
	if err != nil {
		return err
	}
	for _, dir := range logs.LogDirs {
		for _, t := range dir.Topics {
			const validateOnly = true
			err := admin.CreateTopic(t.Topic, &sarama.TopicDetail{NumPartitions: 1, ReplicationFactor: 1}, validateOnly)
			if errors.Is(err, sarama.ErrTopicAlreadyExists) {
				return errNoTopicsKnown
			}
		}
	}
	return nil
}

// refresh makes the client learn brokers and controller. That some partitions
// have no leader, which sarama reports as a failure, is what a view is to show.
func refresh(client sarama.Client) error {
	err := client.RefreshMetadata()
	if errors.Is(err, sarama.ErrLeaderNotAvailable) || errors.Is(err, sarama.ErrReplicaNotAvailable) {
		return nil
	}
	return err
}

// viewOf takes from the metadata what judgements need.
func viewOf(m *sarama.MetadataResponse) (View, error) {
	v := View{Controller: m.ControllerID, Brokers: map[int32]string{}}
	if m.ClusterID != nil {
		v.ClusterID = *m.ClusterID
	}
	for _, b := range m.Brokers {
		v.Brokers[b.ID()] = b.Addr()
	}
	for _, t := range m.Topics {
		if t.Err != sarama.ErrNoError && t.Err != sarama.ErrLeaderNotAvailable {
			return View{}, fmt.Errorf("topic %s: %w", t.Name, t.Err)
		}
		for _, p := range t.Partitions {
			// A partition's own error repeats what leader and ISR say.
			v.Partitions = append(v.Partitions, Partition{
				Topic: t.Name, ID: p.ID, Leader: p.Leader, Replicas: p.Replicas, ISR: p.Isr, MinISR: 1,
			})
		}
	}
	v.sort()
	return v, nil
}

// readMinISR asks for the setting of all topics in one request.
func (v *View) readMinISR(broker *sarama.Broker, version Version) error {
	var topics []string
	for _, p := range v.Partitions {
		topics = append(topics, p.Topic)
	}
	answers, err := describeConfigs(broker, sarama.TopicResource, slices.Compact(topics), minISRConfig)
	if err != nil {
		return err
	}
	minISR := map[string]int{}
	for _, r := range answers {
		for _, c := range r.Configs {
			if n, err := strconv.Atoi(c.Value); err == nil && c.Name == minISRConfig {
				minISR[r.Name] = n
			}
		}
	}
	for i, p := range v.Partitions {
		n, ok := minISR[p.Topic]
		if !ok {
			return fmt.Errorf("topic %s: the cluster does not tell its %s", p.Topic, minISRConfig)
		}
		v.Partitions[i].MinISR = version.InSync(n, len(p.Replicas))
	}
	return nil
}

// configsVersion is the request that tells where a setting comes from and that
// every broker since 2.0 answers.
const configsVersion = 2

// describeConfigs asks one broker, known to answer, for settings of topics or of
// brokers: those of the names given, or all.
func describeConfigs(broker *sarama.Broker, of sarama.ConfigResourceType, subjects []string, names ...string) ([]*sarama.ResourceResponse, error) {
	if len(subjects) == 0 {
		return nil, nil
	}
	request := &sarama.DescribeConfigsRequest{Version: configsVersion}
	for _, s := range subjects {
		request.Resources = append(request.Resources, &sarama.ConfigResource{Type: of, Name: s, ConfigNames: names})
	}
	answer, err := broker.DescribeConfigs(request)
	if err != nil {
		return nil, err
	}
	kind := "topic"
	if of == sarama.BrokerResource {
		kind = "broker"
	}
	for _, r := range answer.Resources {
		if code := sarama.KError(r.ErrorCode); code != sarama.ErrNoError {
			return nil, fmt.Errorf("settings of %s %s: %w: %s", kind, r.Name, code, r.ErrorMsg)
		}
	}
	return answer.Resources, nil
}

// Answers asks one broker itself, by its advertised listener, and returns the
// error where it does not answer or does not know its cluster.
func (a *Admin) Answers(ctx context.Context, id int32) error {
	if a.registry != nil {
		return a.answersOld(ctx, id)
	}
	return a.do(ctx, fmt.Sprintf("asking broker %d itself", id), func(client sarama.Client, admin sarama.ClusterAdmin) error {
		// A connection from before a restart is of no worth.
		if err := client.RefreshBrokers(a.bootstrap); err != nil {
			return err
		}
		if err := refresh(client); err != nil {
			return err
		}
		broker, err := client.Broker(id)
		if err != nil {
			return err
		}
		answer, err := broker.GetMetadata(sarama.NewMetadataRequest(a.config.Version, nil))
		if err != nil {
			return err
		}
		return told(broker, admin, answer)
	})
}

// ElectPreferred gives the partitions back to their preferred leaders where
// those are in sync. Nothing to move is no error.
func (a *Admin) ElectPreferred(ctx context.Context) error {
	v, err := a.View(ctx)
	if err != nil {
		return err
	}
	return a.Elect(ctx, v.Unpreferred())
}

// Elect has the preferred leaders of these partitions, by topic, lead them again.
func (a *Admin) Elect(ctx context.Context, partitions map[string][]int32) error {
	if len(partitions) == 0 {
		return nil
	}
	if a.registry != nil {
		return a.registry.Elect(ctx, partitions)
	}
	return a.do(ctx, "electing preferred leaders", func(_ sarama.Client, admin sarama.ClusterAdmin) error {
		results, err := admin.ElectLeaders(sarama.PreferredElection, partitions)
		if err != nil {
			return err
		}
		var errs []error
		for topic, partitions := range results {
			for id, r := range partitions {
				if r.ErrorCode != sarama.ErrNoError && r.ErrorCode != sarama.ErrElectionNotNeeded {
					errs = append(errs, fmt.Errorf("partition %s-%d: %w", topic, id, r.ErrorCode))
				}
			}
		}
		return errors.Join(errs...)
	})
}
