package verify

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/IBM/sarama"

	"weir/ops/connect"
	"weir/ops/status/table"
	"weir/provision/remote"
)

const (
	// leastFree is one segment of the default size: with less a broker stops at
	// the next roll of a busy partition. ZooKeeper allocates 64 MiB at a time.
	leastFree          = 1 << 30
	leastFreeZooKeeper = 512 << 20
	// freeShare is the part of a file system, in percent, that should be free, up
	// to enoughFree: a tenth of a large disk is no shortage.
	freeShare  = 10
	enoughFree = 50 << 30
	// freeInodes is the same for what files are counted by, in percent.
	freeInodes = 5
)

// checkDisk: the file systems of the data have room, are writable, and belong to
// who writes them; and every broker says that its log directories are sound.
func checkDisk(ctx context.Context, c *subject, r *record) {
	r.doing("waiting for machines to tell their disks, and brokers their log directories")
	var wg sync.WaitGroup
	wg.Go(func() { r.fail(c.logDirs(ctx)...) })
	sights, err := c.sights(ctx, time.Time{})
	if err == nil {
		r.fail(c.unseen(sights)...)
		c.judgeDisks(sights, r)
	}
	wg.Wait()
}

func (c *subject) judgeDisks(sights []sight, r *record) {
	disks, tightest := 0, int64(100)
	for _, s := range sights {
		for _, d := range s.disks {
			disks++
			r.on(s.machine)
			r.fail(c.judgeDisk(s.machine, d)...)
			r.note("%s: %s has %s free of %s", s.machine, d.path, table.Bytes(d.free), table.Bytes(d.total))
			if d.total > 0 {
				tightest = min(tightest, d.free*100/d.total)
			}
		}
		if s.err == nil && len(s.disks) < len(questionFor(c.cluster, s.machine).disks) {
			r.fail(Finding{
				Machine: s.machine, Found: "a data directory is not there, or cannot be looked at", Expected: "the directories of ZooKeeper and Kafka",
				Next: sshTo(c.machine(s.machine), "ls -ld "+remote.QuoteAll(dataDirs(questionFor(c.cluster, s.machine))...)),
			})
		}
	}
	r.sum("%d data directories, writable, at least %d %% free", disks, tightest)
}

func dataDirs(q question) (all []string) {
	for _, d := range q.disks {
		all = append(all, d.path)
	}
	return all
}

func (c *subject) judgeDisk(machine string, d disk) (f []Finding) {
	add := func(expected, found string, args ...any) {
		f = append(f, Finding{
			Machine: machine, Found: fmt.Sprintf(found, args...), Expected: expected,
			Next: sshTo(c.machine(machine), "df -h "+remote.Quote(d.path)),
		})
	}
	want := max(floorOf(d.component), min(d.total/100*freeShare, enoughFree))
	if d.free < want {
		add(fmt.Sprintf("at least %s", table.Bytes(want)), "%s has %s free of %s", d.path, table.Bytes(d.free), table.Bytes(d.total))
	}
	if d.inodes > 0 && d.freeInodes < d.inodes/100*freeInodes {
		add(fmt.Sprintf("at least %d %%", freeInodes), "%s has %d of %d inodes free", d.path, d.freeInodes, d.inodes)
	}
	switch {
	case !d.writable:
		add("a file system that is writable", "%s is read-only", d.path)
	case d.user > 0 && d.owner != d.user:
		add(fmt.Sprintf("owned by user %d, who runs the service", d.user), "%s belongs to user %d", d.path, d.owner)
	case d.user > 0 && d.mode&0o300 != 0o300:
		add("writable by its owner", "%s has mode %04o", d.path, d.mode)
	}
	return f
}

func floorOf(component string) int64 {
	if component == zookeeperComponent {
		return leastFreeZooKeeper
	}
	return leastFree
}

// logDirs asks every broker for its log directories: a broker with several goes on
// without one that failed.
func (c *subject) logDirs(ctx context.Context) (f []Finding) {
	if c.Registry() != nil {
		return nil // brokers before 1.0 do not tell (KIP-113)
	}
	machines := brokerMachines(c.cluster)
	found := make([][]Finding, len(machines))
	var wg sync.WaitGroup
	for i, name := range machines {
		wg.Go(func() { found[i] = c.logDirsOf(ctx, name) })
	}
	wg.Wait()
	return slices.Concat(found...)
}

func (c *subject) logDirsOf(ctx context.Context, name string) (f []Finding) {
	answer, err := connect.WithBroker(ctx, c.Session, name, func(b *sarama.Broker) (*sarama.DescribeLogDirsResponse, error) {
		// Of one topic, as an answer about all may be large.
		return b.DescribeLogDirs(&sarama.DescribeLogDirsRequest{
			Version: 1, DescribeTopics: []sarama.DescribeLogDirsRequestTopic{{Topic: ProbeTopic, PartitionIDs: []int32{0}}},
		})
	})
	add := func(found string, args ...any) {
		f = append(f, Finding{
			Machine: name, Found: fmt.Sprintf(found, args...), Expected: "log directories that are online",
			Next: logOf(c.machine(name), c.cluster.Kafka.Unit),
		})
	}
	if err != nil {
		add("broker %d does not tell its log directories: %v", c.cluster.Kafka.Brokers[name], err)
		return f
	}
	for _, dir := range answer.LogDirs {
		if dir.ErrorCode != sarama.ErrNoError {
			add("broker %d: log directory %s is offline: %s", c.cluster.Kafka.Brokers[name], table.Clean(dir.Path), dir.ErrorCode.Error())
		}
	}
	return f
}
