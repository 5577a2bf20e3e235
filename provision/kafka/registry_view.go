package kafka

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"github.com/IBM/sarama"
	"github.com/go-zookeeper/zk"
)

// View reads what the controller and the leaders keep in the ensemble ("Kafka
// data structures in Zookeeper", Kafka's wiki). Brokers themselves know of each
// other only once there is a topic.
func (r Registry) View(ctx context.Context) (v View, err error) {
	err = r.ask(ctx, func(conn *zk.Conn) error {
		v = View{Brokers: map[int32]string{}}
		if v.Controller, err = r.controller(conn); err != nil {
			return err
		}
		if err := r.brokers(conn, &v); err != nil {
			return err
		}
		topics, err := r.children(conn, "brokers", "topics")
		if err != nil {
			return err
		}
		for _, topic := range topics {
			if err := r.partitions(conn, topic, &v); err != nil {
				return err
			}
		}
		return nil
	})
	v.sort()
	return v, err
}

// controller is the active controller's id, -1 where there is none.
func (r Registry) controller(conn *zk.Conn) (int32, error) {
	var answer struct {
		Broker int32 `json:"brokerid"`
	}
	err := r.read(conn, &answer, "controller")
	if errors.Is(err, zk.ErrNoNode) {
		return -1, nil
	}
	return answer.Broker, err
}

func (r Registry) brokers(conn *zk.Conn, v *View) error {
	names, err := r.children(conn, "brokers", "ids")
	if err != nil {
		return err
	}
	for _, name := range names {
		id, err := strconv.ParseInt(name, 10, 32)
		if err != nil {
			return fmt.Errorf("%s holds %q, which is no broker's id", r.at("brokers", "ids"), name)
		}
		var answer struct {
			Host string `json:"host"`
			Port int    `json:"port"`
		}
		switch err := r.read(conn, &answer, "brokers", "ids", name); {
		case errors.Is(err, zk.ErrNoNode): // it went meanwhile
		case err != nil:
			return err
		default:
			v.Brokers[int32(id)] = net.JoinHostPort(answer.Host, strconv.Itoa(answer.Port))
		}
	}
	return nil
}

// partitions adds those of a topic. One that nobody leads yet has no state.
func (r Registry) partitions(conn *zk.Conn, topic string, v *View) error {
	var assigned struct {
		Partitions map[string][]int32 `json:"partitions"`
	}
	err := r.read(conn, &assigned, "brokers", "topics", topic)
	if errors.Is(err, zk.ErrNoNode) { // it went meanwhile
		return nil
	}
	if err != nil {
		return err
	}
	config, err := r.topicConfig(conn, topic)
	if err != nil {
		return err
	}
	minISR, _ := strconv.Atoi(config[minISRConfig]) // 0 where it is not set
	for name, replicas := range assigned.Partitions {
		id, err := strconv.ParseInt(name, 10, 32)
		if err != nil {
			return fmt.Errorf("topic %s: %q is no partition", topic, name)
		}
		state := struct {
			Leader int32   `json:"leader"`
			ISR    []int32 `json:"isr"`
		}{Leader: -1}
		err = r.read(conn, &state, "brokers", "topics", topic, "partitions", name, "state")
		if err != nil && !errors.Is(err, zk.ErrNoNode) {
			return err
		}
		v.Partitions = append(v.Partitions, Partition{
			Topic: topic, ID: int32(id), Leader: state.Leader, Replicas: replicas, ISR: state.ISR, MinISR: max(1, minISR),
		})
	}
	return nil
}

// topicConfig are the settings made for a topic; an unknown topic has none.
func (r Registry) topicConfig(conn *zk.Conn, topic string) (map[string]string, error) {
	var answer struct {
		Config map[string]string `json:"config"`
	}
	err := r.read(conn, &answer, "config", "topics", topic)
	if errors.Is(err, zk.ErrNoNode) {
		return nil, nil
	}
	return answer.Config, err
}

// Describe is a topic as it is; where there is none the error is ErrNoTopic.
func (r Registry) Describe(ctx context.Context, name string) (t Topic, err error) {
	err = r.ask(ctx, func(conn *zk.Conn) error {
		var v View
		t = Topic{Name: name}
		if err := r.partitions(conn, name, &v); err != nil {
			return err
		}
		if len(v.Partitions) == 0 {
			return ErrNoTopic
		}
		t.Partitions = int32(len(v.Partitions))
		t.ReplicationFactor = int16(len(v.Partitions[0].Replicas))
		for _, p := range v.Partitions {
			t.ReplicationFactor = min(t.ReplicationFactor, int16(len(p.Replicas)))
		}
		t.Config, err = r.topicConfig(conn, name)
		return err
	})
	return t, err
}

// Elect asks the controller to give partitions back to their preferred leaders,
// as kafka-preferred-replica-election.sh does. One that is under way already is
// left to its work.
func (r Registry) Elect(ctx context.Context, partitions map[string][]int32) error {
	type partition struct {
		Topic     string `json:"topic"`
		Partition int32  `json:"partition"`
	}
	var all []partition
	for topic, ids := range partitions {
		for _, id := range ids {
			all = append(all, partition{topic, id})
		}
	}
	slices.SortFunc(all, func(a, b partition) int {
		return strings.Compare(fmt.Sprint(a.Topic, a.Partition), fmt.Sprint(b.Topic, b.Partition))
	})
	order, err := json.Marshal(map[string]any{"version": 1, "partitions": all})
	if err != nil {
		return err
	}
	return r.ask(ctx, func(conn *zk.Conn) error {
		_, err := conn.Create(r.at("admin", "preferred_replica_election"), order, 0, zk.WorldACL(zk.PermAll))
		if errors.Is(err, zk.ErrNodeExists) {
			return nil
		}
		return err
	})
}

// children are the names below a path; none where it is not there yet.
func (r Registry) children(conn *zk.Conn, path ...string) ([]string, error) {
	names, _, err := conn.Children(r.at(path...))
	if errors.Is(err, zk.ErrNoNode) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", r.at(path...), err)
	}
	slices.Sort(names)
	return names, nil
}

// answersOld asks a broker itself. It knows the others only once there is a topic.
func (a *Admin) answersOld(ctx context.Context, id int32) error {
	v, err := a.registry.View(ctx)
	if err != nil {
		return err
	}
	address, ok := v.Brokers[id]
	if !ok {
		return fmt.Errorf("kafka: broker %d: %w", id, sarama.ErrBrokerNotFound)
	}
	asked := make(chan error, 1)
	go func() { // its own limits end it
		broker := sarama.NewBroker(address)
		defer broker.Close() //nolint:errcheck // it was only asked
		err := broker.Open(a.config)
		if err == nil {
			_, err = broker.GetMetadata(sarama.NewMetadataRequest(a.config.Version, nil))
		}
		asked <- err
	}()
	select {
	case err = <-asked:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("kafka: asking broker %d itself: %w", id, err)
	}
	return nil
}
