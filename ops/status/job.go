package status

import (
	"context"
	"strings"

	"weir/ops/connect"
	"weir/provision/inventory"
)

// counterPrefix is what the jobs' own metrics begin with; Go's are left out.
const counterPrefix = "weir_"

// Job is a declared job.
type Job struct {
	Name    string  `json:"name"`
	Kind    string  `json:"kind"`
	Machine string  `json:"machine"`
	Service Service `json:"service"`
	// Metrics are the job's own, by name, each summed over its labels.
	Metrics connect.Metrics `json:"metrics,omitempty"`
	Error   string          `json:"error,omitempty"`
}

func collectJobs(ctx context.Context, s *connect.Session) []Job {
	jobs := make([]Job, len(s.Cluster.Jobs))
	each(len(jobs), func(i int) { jobs[i] = collectJob(ctx, s, s.Cluster.Jobs[i]) })
	return jobs
}

func collectJob(ctx context.Context, s *connect.Session, declared inventory.Job) Job {
	job := Job{
		Name: declared.Name, Kind: declared.Kind, Machine: declared.Machine,
		Service: Service{Component: declared.Name, Unit: declared.Unit},
	}
	if declared.MetricsAddress == "" {
		return job
	}
	metrics, err := s.Metrics(ctx, declared.Machine, declared.MetricsAddress)
	if err != nil {
		job.Error = err.Error()
		return job
	}
	job.Metrics = connect.Metrics{}
	for name, value := range metrics {
		if strings.HasPrefix(name, counterPrefix) {
			job.Metrics[name] = value
		}
	}
	return job
}

// fillService copies what the job's machine said of its unit.
func (j *Job) fillService(machines []Machine) {
	for _, m := range machines {
		if m.Name != j.Machine {
			continue
		}
		for _, s := range m.Services {
			if s.Component == j.Name && s.Unit == j.Service.Unit {
				j.Service = s
			}
		}
	}
}
