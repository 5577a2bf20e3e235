package provider

import (
	"path/filepath"

	"weir/provision/job"
	"weir/provision/problem"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// Job is a program that runs on a machine of the cluster as a service.
type Job struct {
	lifecycle[JobArgs, *JobArgs, JobState]
}

func newJob(env *Env) *Job {
	return &Job{lifecycle[JobArgs, *JobArgs, JobState]{
		env: env,
		state: func(a JobArgs, seen Seen) JobState {
			return JobState{JobArgs: a, Seen: seen, Unit: job.Spec{Name: a.Name}.Unit()}
		},
		args: func(s *JobState) *JobArgs { return &s.JobArgs },
	}}
}

// JobArgs are what a person declares of a job.
type JobArgs struct {
	Cluster    string           `pulumi:"cluster"`
	Name       string           `pulumi:"name"`
	Machine    string           `pulumi:"machine"`
	Connection Connection       `pulumi:"connection"`
	Binary     string           `pulumi:"binary"`
	Digest     *string          `pulumi:"digest,optional"`
	Args       []string         `pulumi:"args,optional"`
	After      []string         `pulumi:"after,optional"`
	Ports      []int            `pulumi:"ports,optional"`
	DeleteData *bool            `pulumi:"deleteData,optional"`
	Machines   map[string]Shown `pulumi:"machines,optional"`
}

// JobState is what is known of a job.
type JobState struct {
	JobArgs
	Seen
	Unit string `pulumi:"unit"`
}

var (
	_ infer.CustomCheck[JobArgs]            = &Job{}
	_ infer.CustomRead[JobArgs, JobState]   = &Job{}
	_ infer.CustomUpdate[JobArgs, JobState] = &Job{}
	_ infer.CustomDelete[JobState]          = &Job{}
)

// Annotate documents the resource in the provider's schema.
func (j *Job) Annotate(a infer.Annotator) {
	a.Describe(&j, "A static binary that runs on a machine as a systemd service.")
	a.SetToken("index", "Job")
}

// Annotate documents the fields in the provider's schema.
func (j *JobArgs) Annotate(a infer.Annotator) {
	a.Describe(&j.Cluster, "The cluster that owns the machine.")
	a.Describe(&j.Name, "The job's name, unique in the cluster.")
	a.Describe(&j.Machine, "The machine it runs on.")
	a.Describe(&j.Binary, "A static binary on this computer, for the machine's architecture.")
	describeDigest(a, &j.Digest)
	a.Describe(&j.Args, "Handed to the program exactly as they are.")
	a.Describe(&j.After, "Units of the same machine that start before it.")
	a.Describe(&j.Ports, "TCP ports it listens on.")
	a.Describe(&j.DeleteData, "Lets a delete take the job's state directory along.")
	describeMachines(a, &j.Machines)
}

func (j *JobArgs) roster() *roster { return nil }

func (j *JobArgs) software() *software { return binary(j.Name, j.Binary, &j.Digest) }

func (j *JobArgs) spec() job.Spec {
	return job.Spec{
		Cluster: j.Cluster, Name: j.Name, Machine: j.Machine, Release: j.software().release(),
		Binary: "bin/" + filepath.Base(j.Binary), Args: j.Args, After: j.After, Ports: j.Ports,
	}.WithDefaults()
}

func (j *JobArgs) targets() (targets, problem.List) {
	spec := j.spec()
	if problems := job.Validate(spec); len(problems) > 0 {
		return nil, problems
	}
	state, err := job.State(spec)
	if err != nil {
		return nil, problem.List{{Message: err.Error()}}
	}
	return targets{j.Machine: {Host: j.Connection.host(j.Machine), State: state}}, nil
}

func (j *JobArgs) containers() []string {
	if value(j.Connection.Container) {
		return []string{j.Machine}
	}
	return nil
}

func (j *JobArgs) shown() *map[string]Shown { return &j.Machines }

func (j *JobArgs) dataGoes() bool { return value(j.DeleteData) }
