package kafka

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
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
