package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"weir/provision/kafka"
	"weir/provision/problem"
	"weir/provision/rollout"
	"weir/provision/runlog"

	"github.com/IBM/sarama"
	"github.com/cenkalti/backoff/v5"
	"github.com/pulumi/pulumi-go-provider/infer"
)

// Topic is a topic of a cluster.
type Topic struct{ env *Env }

// TopicArgs are what a person declares of a topic.
type TopicArgs struct {
	Brokers           []BrokerRef       `pulumi:"brokers"`
	KafkaVersion      *string           `pulumi:"kafkaVersion,optional"`
	ZooKeeper         []string          `pulumi:"zookeeper,optional"`
	Chroot            *string           `pulumi:"chroot,optional"`
	Name              string            `pulumi:"name"`
	Partitions        int               `pulumi:"partitions"`
	ReplicationFactor int               `pulumi:"replicationFactor"`
	Config            map[string]string `pulumi:"config,optional"`
	DeleteData        *bool             `pulumi:"deleteData,optional"`
	// Unreachable is set by a refresh that no broker answered.
	Unreachable *string `pulumi:"unreachable,optional"`
}

// TopicState is what is known of a topic.
type TopicState struct {
	TopicArgs
	Seen
	// Applied is what the topic was last made: the arguments themselves become
	// what is there, where a refresh found something else.
	Applied *TopicShape `pulumi:"applied,optional"`
}

// TopicShape is what can be changed on a topic by hand.
type TopicShape struct {
	Partitions        int               `pulumi:"partitions"`
	ReplicationFactor int               `pulumi:"replicationFactor"`
	Config            map[string]string `pulumi:"config,optional"`
}

var (
	_ infer.CustomCheck[TopicArgs]              = Topic{}
	_ infer.CustomRead[TopicArgs, TopicState]   = Topic{}
	_ infer.CustomUpdate[TopicArgs, TopicState] = Topic{}
	_ infer.CustomDelete[TopicState]            = Topic{}
)

// topicPatience bounds the wait for a new topic's replicas to be in sync.
const topicPatience = 2 * time.Minute

// topicLook bounds a look at a topic: brokers that serve answer within
// milliseconds, and who looks at a cluster that is down should soon know.
const topicLook = 8 * time.Second

var errNoBroker = fmt.Errorf("no broker answered within %s", topicLook)

// Annotate documents the resource in the provider's schema.
func (t *Topic) Annotate(a infer.Annotator) {
	a.Describe(&t, "A topic. Its messages go with it only where deleteData was set before.")
	a.SetToken("index", "Topic")
}

// Annotate documents the fields in the provider's schema.
func (t *TopicArgs) Annotate(a infer.Annotator) {
	a.Describe(&t.Brokers, "The cluster's brokers, at least one.")
	a.Describe(&t.KafkaVersion, "Kafka's version; "+kafka.DefaultVersion+" where not set.")
	a.Describe(&t.ZooKeeper, "The ensemble's client addresses, host:port: versions before 0.10.1 make topics there.")
	a.Describe(&t.Chroot, "The path in ZooKeeper below which the cluster keeps everything; the whole of it where not set.")
	a.Describe(&t.Name, "The topic's name.")
	a.Describe(&t.Partitions, "How many partitions; it can be raised, never lowered.")
	a.Describe(&t.ReplicationFactor, "How many copies; a difference is reported, not changed.")
	a.Describe(&t.Config, "The topic's own settings; others are given back to their defaults.")
	a.Describe(&t.DeleteData, "Lets a delete remove the topic with its messages.")
	a.Describe(&t.Unreachable, "Computed: empty. A refresh puts here why no broker answered.")
}

// Annotate documents the fields in the provider's schema.
func (t *TopicShape) Annotate(a infer.Annotator) { a.SetToken("index", "TopicShape") }

// applied is the state of a topic that was just made what it should be.
func (t TopicArgs) applied() TopicState { return TopicState{TopicArgs: t, Applied: t.shape()} }

func (t TopicArgs) shape() *TopicShape {
	return &TopicShape{Partitions: t.Partitions, ReplicationFactor: t.ReplicationFactor, Config: t.Config}
}

func (s TopicShape) topic(name string) kafka.Topic {
	return kafka.Topic{Name: name, Partitions: int32(s.Partitions), ReplicationFactor: int16(s.ReplicationFactor), Config: s.Config}
}

func (t TopicArgs) topic() kafka.Topic {
	return kafka.Topic{
		Name: t.Name, Partitions: int32(t.Partitions), ReplicationFactor: int16(t.ReplicationFactor), Config: t.Config,
	}
}

func (t TopicArgs) admin(e *Env) (*kafka.Admin, error) {
	return e.admin(or(t.KafkaVersion, kafka.DefaultVersion), t.Brokers, t.ZooKeeper, value(t.Chroot))
}

// Check validates the topic.
func (Topic) Check(ctx context.Context, req infer.CheckRequest) (infer.CheckResponse[TopicArgs], error) {
	a, failures, err := infer.DefaultCheck[TopicArgs](ctx, req.NewInputs)
	if err == nil && len(failures) == 0 && !req.NewInputs.Get("name").HasComputed() {
		failures = failed(validateTopic(a))
	}
	a.Unreachable = nil
	return infer.CheckResponse[TopicArgs]{Inputs: a, Failures: failures}, err
}

func validateTopic(a TopicArgs) problem.List {
	problems := kafka.ValidateTopic(a.topic(), len(a.Brokers))
	if _, ok := kafka.LookUp(or(a.KafkaVersion, kafka.DefaultVersion)); !ok {
		problems.Add("kafkaVersion", "%q is not known; write one of %v", value(a.KafkaVersion), kafka.Supported())
	}
	return problems
}

// Create makes the topic, or adopts one of that name and makes it what it should be.
func (t Topic) Create(ctx context.Context, req infer.CreateRequest[TopicArgs]) (infer.CreateResponse[TopicState], error) {
	res := infer.CreateResponse[TopicState]{ID: req.Inputs.Name, Output: req.Inputs.applied()}
	if req.DryRun {
		t.hide(ctx, req.Inputs)
		planCluster(ctx, runlog.Plan{Note: "a topic of that name that is there already is adopted"}, nil, creation(req.Inputs.topic()))
		return res, nil
	}
	return res, t.ensure(ctx, req.Inputs)
}

// Update raises the partition count and changes settings.
func (t Topic) Update(ctx context.Context, req infer.UpdateRequest[TopicArgs, TopicState]) (infer.UpdateResponse[TopicState], error) {
	res := infer.UpdateResponse[TopicState]{Output: req.Inputs.applied()}
	if req.DryRun {
		return res, t.previewChange(ctx, req.Inputs, req.State.TopicArgs)
	}
	return res, t.ensure(ctx, req.Inputs)
}

func (t Topic) ensure(ctx context.Context, a TopicArgs) (err error) {
	t.hide(ctx, a)
	defer func() { accountOf(ctx).failed(err) }()
	admin, err := a.admin(t.env)
	if err != nil {
		return err
	}
	err = rollout.Wait(ctx, topicPatience, func(ctx context.Context) error {
		err := t.make(ctx, admin, a)
		if err != nil && !errors.Is(err, sarama.ErrOutOfBrokers) {
			return backoff.Permanent(err)
		}
		return err // brokers that do not answer yet may be starting
	}, nil)
	if err != nil {
		return err
	}
	return rollout.Wait(ctx, topicPatience, func(ctx context.Context) error { return admin.TopicReady(ctx, a.topic()) }, nil)
}

// make creates the topic, or changes the one that is there.
func (t Topic) make(ctx context.Context, admin *kafka.Admin, a TopicArgs) error {
	began := time.Now()
	err := admin.Create(ctx, a.topic())
	if errors.Is(err, sarama.ErrTopicAlreadyExists) {
		return t.change(ctx, admin, a.topic())
	}
	if err == nil {
		done(ctx, began, creation(a.topic()))
	}
	return err
}

func (t Topic) change(ctx context.Context, admin *kafka.Admin, want kafka.Topic) error {
	is, err := admin.Describe(ctx, want.Name)
	if err != nil {
		return err
	}
	c := kafka.Compare(want, is)
	if len(c.Refused) > 0 {
		return problem.List{{Message: c.String()}}.Err()
	}
	if c.Empty() {
		return nil
	}
	began := time.Now()
	if err := admin.Change(ctx, want.Name, c); err != nil {
		return err
	}
	done(ctx, began, changes(want.Name, c)...)
	return nil
}

// Read asks the cluster. Where no broker answers, what was known last is kept.
func (t Topic) Read(ctx context.Context, req infer.ReadRequest[TopicArgs, TopicState]) (infer.ReadResponse[TopicArgs, TopicState], error) {
	a := req.Inputs
	state := TopicState{Applied: req.State.Applied}
	if state.Applied == nil {
		state.Applied = a.shape()
	}
	admin, err := a.admin(t.env)
	if err != nil {
		return infer.ReadResponse[TopicArgs, TopicState]{}, err
	}
	look, cancel := context.WithTimeoutCause(ctx, topicLook, errNoBroker)
	defer cancel()
	is, err := admin.Describe(look, a.Name)
	switch {
	case errors.Is(err, kafka.ErrNoTopic):
		return infer.ReadResponse[TopicArgs, TopicState]{}, nil
	case ctx.Err() != nil:
		return infer.ReadResponse[TopicArgs, TopicState]{}, ctx.Err()
	case err != nil:
		reason := err.Error()
		warn(ctx, reason)
		a.Unreachable = &reason
	default:
		a.Unreachable = nil
		state.note(a.Name, kafka.Drift(state.Applied.topic(a.Name), is))
		a.Partitions, a.ReplicationFactor, a.Config = int(is.Partitions), int(is.ReplicationFactor), observedConfig(a.Config, is.Config)
	}
	t.planRemoval(ctx, a)
	state.TopicArgs = a
	return infer.ReadResponse[TopicArgs, TopicState]{ID: req.ID, Inputs: a, State: state}, nil
}

// observedConfig keeps "no settings" written the way it was declared: an empty
// map and a missing one are the same to Kafka and must not look like a change.
func observedConfig(declared, is map[string]string) map[string]string {
	if len(is) == 0 {
		if declared == nil {
			return nil
		}
		return map[string]string{}
	}
	return maps.Clone(is)
}

// Delete removes the topic where deleteData was set, and else leaves it.
func (t Topic) Delete(ctx context.Context, req infer.DeleteRequest[TopicState]) (infer.DeleteResponse, error) {
	a := req.State.TopicArgs
	if !value(a.DeleteData) {
		warn(ctx, fmt.Sprintf("topic %s is no longer declared and stays with its messages: deleteData was not set", a.Name))
		return infer.DeleteResponse{}, nil
	}
	t.hide(ctx, a)
	admin, err := a.admin(t.env)
	if err != nil {
		return infer.DeleteResponse{}, err
	}
	began := time.Now()
	if err := admin.Delete(ctx, a.Name); err != nil {
		accountOf(ctx).failed(err)
		return infer.DeleteResponse{}, err
	}
	done(ctx, began, removal(a.Name))
	return infer.DeleteResponse{}, nil
}
