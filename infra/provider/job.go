package provider

import (
	"context"
	"path/filepath"

	"weir/provision/fleet"
	"weir/provision/job"
	"weir/provision/problem"

	"github.com/pulumi/pulumi-go-provider/infer"
)

// Job is a program that runs on a machine of the cluster as a service.
type Job struct{ env *Env }

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
	Unit string `pulumi:"unit"`
}

var (
	_ infer.CustomCheck[JobArgs]            = Job{}
	_ infer.CustomRead[JobArgs, JobState]   = Job{}
	_ infer.CustomUpdate[JobArgs, JobState] = Job{}
	_ infer.CustomDelete[JobState]          = Job{}
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

func (j JobArgs) state() JobState { return JobState{JobArgs: j, Unit: job.Spec{Name: j.Name}.Unit()} }

// Check validates the job and renders what its machine should be.
func (j Job) Check(ctx context.Context, req infer.CheckRequest) (infer.CheckResponse[JobArgs], error) {
	return check[JobArgs](ctx, j.env, req)
}

// Create installs and starts the job, or adopts what a killed run left.
func (j Job) Create(ctx context.Context, req infer.CreateRequest[JobArgs]) (infer.CreateResponse[JobState], error) {
	res := infer.CreateResponse[JobState]{ID: req.Name, Output: req.Inputs.state()}
	if req.DryRun {
		return res, j.env.preview(ctx, &req.Inputs)
	}
	return res, j.env.apply(ctx, &req.Inputs, fleet.Change{})
}

// Update makes the job what it should be and restarts it where that is needed.
func (j Job) Update(ctx context.Context, req infer.UpdateRequest[JobArgs, JobState]) (infer.UpdateResponse[JobState], error) {
	res := infer.UpdateResponse[JobState]{Output: req.Inputs.state()}
	if req.DryRun {
		return res, nil
	}
	return res, j.env.apply(ctx, &req.Inputs, fleet.Change{})
}

// Read looks at the machine.
func (j Job) Read(ctx context.Context, req infer.ReadRequest[JobArgs, JobState]) (infer.ReadResponse[JobArgs, JobState], error) {
	a := req.Inputs
	err := j.env.read(ctx, &a)
	return infer.ReadResponse[JobArgs, JobState]{ID: req.ID, Inputs: a, State: a.state()}, err
}

// Delete stops the job and removes its files; its state stays unless deleteData.
func (j Job) Delete(ctx context.Context, req infer.DeleteRequest[JobState]) (infer.DeleteResponse, error) {
	return infer.DeleteResponse{}, j.env.remove(ctx, &req.State.JobArgs, value(req.State.DeleteData))
}
