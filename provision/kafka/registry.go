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
	"time"

	"github.com/go-zookeeper/zk"

	"weir/provision/remote"
)

// Registry is what a cluster without the admin protocol (before 0.10.1) is asked
// for and changed by beside its brokers: the ensemble knows who is the controller
// and what a topic was set to, and a machine's own kafka-topics.sh makes topics.
type Registry struct {
	// ZooKeeper are the ensemble's client addresses, host:port; Chroot is the
	// path below which the cluster keeps everything, empty for none.
	ZooKeeper []string
	Chroot    string
	// Dialer leads to the ensemble.
	Dialer remote.Dialer
	// Tool runs a program of the release's bin directory on one of the machines,
	// and returns what it said.
	Tool func(ctx context.Context, program string, args ...string) (string, error)
}

const (
	// registrySession is what the ensemble keeps our session for: nothing in it
	// outlives one question.
	registrySession = 10 * time.Second
	// registryLimit bounds one question: members that serve answer within
	// milliseconds, and the library would try to connect for ever.
	registryLimit = 8 * time.Second
)

// errNoMember says that no member of the ensemble answered.
var errNoMember = fmt.Errorf("no member of the ensemble answered within %s", registryLimit)

// ask runs one question with a session of its own.
func (r Registry) ask(ctx context.Context, question func(*zk.Conn) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, registryLimit, errNoMember)
	defer cancel()
	conn, _, err := zk.Connect(r.ZooKeeper, registrySession, zk.WithLogger(silentLog{}), zk.WithLogInfo(false),
		zk.WithDialer(func(network, address string, limit time.Duration) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			return r.Dialer.DialContext(ctx, network, address)
		}))
	if err != nil {
		return fmt.Errorf("zookeeper %s: %w", strings.Join(r.ZooKeeper, ","), err)
	}
	defer conn.Close()
	answered := make(chan error, 1)
	go func() { answered <- question(conn) }()
	select {
	case err = <-answered:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("zookeeper %s: %w", strings.Join(r.ZooKeeper, ","), err)
	}
	return nil
}

// silentLog leaves out what the library says of its own attempts: what came of
// them is in the error.
type silentLog struct{}

// Printf implements zk.Logger.
func (silentLog) Printf(string, ...any) {}

// at is a path of the cluster's in ZooKeeper.
func (r Registry) at(path ...string) string { return r.Chroot + "/" + strings.Join(path, "/") }

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

// elect asks the controller to give partitions back to their preferred leaders,
// as kafka-preferred-replica-election.sh does. One that is under way already is
// left to its work.
func (r Registry) elect(ctx context.Context, partitions map[string][]int32) error {
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

// complete adds what the metadata of such brokers does not tell.
func (r Registry) complete(ctx context.Context, v *View) error {
	return r.ask(ctx, func(conn *zk.Conn) (err error) {
		if v.Controller, err = r.controller(conn); err != nil {
			return err
		}
		minISR := map[string]int{}
		for i, p := range v.Partitions {
			if _, known := minISR[p.Topic]; !known {
				config, err := r.topicConfig(conn, p.Topic)
				if err != nil {
					return err
				}
				minISR[p.Topic], _ = strconv.Atoi(config[minISRConfig]) // 0 where it is not set
			}
			v.Partitions[i].MinISR = max(1, minISR[p.Topic])
		}
		return nil
	})
}

// read decodes what a node holds.
func (r Registry) read(conn *zk.Conn, into any, path ...string) error {
	text, _, err := conn.Get(r.at(path...))
	if err != nil {
		return fmt.Errorf("%s: %w", r.at(path...), err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s holds %.120q: %w", r.at(path...), text, err)
	}
	return nil
}
