package adopt

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"weir/provision/kafka"
	"weir/provision/release"
)

var (
	kafkaJar     = regexp.MustCompile(`^kafka_[0-9.]+-([0-9]+(?:\.[0-9]+)+)\.jar$`)
	zookeeperJar = regexp.MustCompile(`^zookeeper-([0-9]+(?:\.[0-9]+)+)\.jar$`)
)

// version is that of the first jar that is one of the pattern's.
func version(jars []string, pattern *regexp.Regexp) string {
	for _, jar := range jars {
		if m := pattern.FindStringSubmatch(path.Base(jar)); m != nil {
			return m[1]
		}
	}
	return ""
}

// tooOld refuses versions that weir cannot ask whether a broker may be stopped.
// It is asked first, as their files are read otherwise.
func (j *judge) tooOld(brokers []Server) {
	versions := map[string]string{}
	for _, b := range brokers {
		versions[b.Machine] = version(b.Jars, kafkaJar)
	}
	v := j.same("kafka version", versions)
	known, ok := kafka.LookUp(v)
	switch {
	case v == "":
		j.add(brokers[0].Machine, "%s has no jar of Kafka open by whose name its version could be told", brokers[0].Java)
	case !ok:
		j.add("kafka version", "is %s, and weir runs %s: bring the cluster to one of these first", v, strings.Join(kafka.Supported(), " and "))
	case !known.Features.Has(kafka.AdminProtocol):
		j.add("kafka version", "is %s, whose brokers cannot be asked whether one may be stopped: bring the cluster to %s first", v, kafka.DefaultVersion)
	}
	j.found.Kafka.Version = v
}

// release checks that ZooKeeper is the one that Kafka's release brings: another
// would be an upgrade, or worse, in the same step.
func (j *judge) release(members, brokers []Server) {
	k := &j.found.Kafka
	k.Version = version(brokers[0].Jars, kafkaJar)
	lock, err := release.Named(kafka.ReleaseName, k.Version)
	if err != nil {
		return // the archive that is needed then is looked into by nobody before it is used
	}
	i := slices.IndexFunc(lock.Items, func(i release.Item) bool { return zookeeperJar.MatchString(path.Base(i.Place)) })
	if i < 0 {
		return
	}
	brings := version([]string{lock.Items[i].Place}, zookeeperJar)
	for _, m := range members {
		if v := version(m.Jars, zookeeperJar); v != brings {
			j.add(m.Machine, "ZooKeeper is %s, and Kafka %s brings %s: a change of version is a step of its own; bring the ensemble to %[3]s first", v, k.Version, brings)
		}
	}
}

// Locked says that weir has a lock file for the version: no archive is needed.
func Locked(version string) bool {
	_, err := release.Named(kafka.ReleaseName, version)
	return err == nil
}
