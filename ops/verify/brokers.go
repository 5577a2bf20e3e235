package verify

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/ops/status"
	"weir/provision/inventory"
)

const (
	// brokersLimit is above two rounds of brokers that do not answer (6 s each).
	brokersLimit = 16 * time.Second
	// brokersSettle is how long a registration or an election of the controller
	// may be under way.
	brokersSettle = 4 * time.Second
)

// answers is what all brokers said of themselves and the topics.
type answers struct {
	kafka  *status.Kafka
	topics []status.Topic
}

// ask asks every broker itself; a look that began after from will do.
func (c *subject) ask(ctx context.Context, from time.Time) (answers, error) {
	return c.brokers.since(ctx, from, func() answers {
		k, topics := status.Brokers(c.ctx, c.Session)
		if k.Err() == nil {
			c.answered.Store(true)
		}
		return answers{k, topics}
	})
}

// heard is ask for checks that need one broker's answer.
func (c *subject) heard(ctx context.Context, from time.Time) (answers, error) {
	a, err := c.ask(ctx, from)
	if err == nil {
		err = a.kafka.Err()
	}
	return a, err
}

// checkBrokers: the brokers are exactly the declared ones, each of them answers
// and is registered, in one cluster, with one controller, and runs one version.
func checkBrokers(ctx context.Context, c *subject, r *record) {
	r.doing("waiting for every broker to answer")
	var k *status.Kafka
	var sights []sight
	r.fail(settle(ctx, brokersSettle, func(from time.Time) []Finding {
		var wg sync.WaitGroup
		wg.Go(func() {
			if seen, err := c.sights(ctx, from); err == nil {
				sights = seen
			}
		})
		a, err := c.ask(ctx, from)
		wg.Wait()
		if err != nil {
			return []Finding{noBroker(c.cluster, err)}
		}
		k = a.kafka
		return slices.Concat(judgeBrokers(c.cluster, *k), judgeIdentity(c.cluster, *k, sights), judgeVersions(c.cluster, sights))
	})...)
	r.on(brokerMachines(c.cluster)...)
	if k == nil {
		return
	}
	answering := 0
	for _, b := range k.Brokers {
		if b.Answers && b.Registered {
			answering++
			r.note("%s: broker %d at %s leads %d partitions and follows %d", b.Machine, b.ID, b.Advertised, b.Leads, b.Follows)
		}
	}
	r.note("cluster %s", cmp.Or(k.ClusterID, "unknown"))
	r.sum("%d of %d, controller %d, Kafka %s", answering, len(k.Brokers), k.Controller, k.Version)
}

func judgeBrokers(c inventory.Cluster, k status.Kafka) []Finding {
	var f []Finding
	for _, b := range k.Brokers {
		if found, expected := judgeBroker(c, k, b); found != "" {
			f = append(f, Finding{Machine: b.Machine, Found: found, Expected: expected, Next: kafkaLog(c, b.ID)})
		}
	}
	for _, s := range k.Strangers {
		f = append(f, Finding{
			Machine: s.Address, Found: fmt.Sprintf("broker %d is registered and not declared", s.ID),
			Expected: "only the declared brokers", Next: "ops status",
		})
	}
	if registered(k, k.Controller) || k.Err() != nil {
		return f
	}
	return append(f, Finding{
		Machine: strings.Join(brokerMachines(c), ", "), Found: fmt.Sprintf("the controller is broker %d, which is not registered", k.Controller),
		Expected: "one controller among the brokers", Next: "ops status",
	})
}

func judgeBroker(c inventory.Cluster, k status.Kafka, b status.Broker) (found, expected string) {
	switch {
	case !b.Answers:
		return fmt.Sprintf("broker %d does not answer at %s: %s", b.ID, b.Address, b.Error), "an answer to a client"
	case !b.Registered:
		return fmt.Sprintf("broker %d answers but is not registered in the cluster", b.ID), "registered"
	case b.ClusterID != k.ClusterID:
		return fmt.Sprintf("broker %d belongs to cluster %q", b.ID, b.ClusterID), fmt.Sprintf("cluster %q, as the other brokers", k.ClusterID)
	// With KRaft the answer names just some broker.
	case c.ZooKeeper != nil && b.Controller != k.Controller:
		return fmt.Sprintf("broker %d takes broker %d for the controller", b.ID, b.Controller), fmt.Sprintf("broker %d, as the other brokers", k.Controller)
	}
	return "", ""
}

// judgeIdentity looks at whose each data directory says it is: a broker refuses to
// start on another's, and says so in its log alone.
func judgeIdentity(c inventory.Cluster, k status.Kafka, sights []sight) (f []Finding) {
	for _, s := range sights {
		id, ok := c.Kafka.Brokers[s.machine]
		if !ok {
			continue
		}
		add := func(found, expected string) {
			f = append(f, Finding{
				Machine: s.machine, Found: strings.TrimRight(c.Kafka.DataDir, "/") + "/meta.properties says that the data is " + found,
				Expected: expected, Next: kafkaLog(c, id),
			})
		}
		if s.clusterID != "" && k.ClusterID != "" && s.clusterID != k.ClusterID {
			add(fmt.Sprintf("cluster %q's", s.clusterID), fmt.Sprintf("cluster %q", k.ClusterID))
		}
		if s.brokerID != "" && s.brokerID != fmt.Sprint(id) {
			add("broker "+s.brokerID+"'s", fmt.Sprintf("broker %d", id))
		}
	}
	return f
}

// judgeVersions takes the version from the jar that a broker's process has open:
// what runs is not always what is installed.
func judgeVersions(c inventory.Cluster, sights []sight) (f []Finding) {
	for _, s := range sights {
		u, ok := s.unit(kafkaComponent)
		if !ok || u.process == nil || u.process.version == "" || u.process.version == c.Kafka.Version {
			continue
		}
		f = append(f, Finding{
			Machine: s.machine, Found: u.unit + " runs Kafka " + u.process.version, Expected: "Kafka " + c.Kafka.Version, Next: "ops preview",
		})
	}
	return f
}

func registered(k status.Kafka, id int32) bool {
	return slices.ContainsFunc(k.Brokers, func(b status.Broker) bool { return b.ID == id && b.Registered }) ||
		slices.ContainsFunc(k.Strangers, func(s status.Stranger) bool { return s.ID == id })
}

// brokerMachines are the machines of the brokers, in the inventory's order.
func brokerMachines(c inventory.Cluster) []string {
	var names []string
	for _, m := range c.Machines {
		if c.Kafka != nil {
			if _, ok := c.Kafka.Brokers[m.Name]; ok {
				names = append(names, m.Name)
			}
		}
	}
	return names
}

func noBroker(c inventory.Cluster, err error) Finding {
	return Finding{
		Machine: strings.Join(brokerMachines(c), ", "), Found: err.Error(),
		Expected: "at least one broker that answers", Next: "ops status",
	}
}
