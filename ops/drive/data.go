package drive

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

// held is what of a component in the state says whether its data goes with it.
type held struct {
	Type   string `json:"type"`
	Inputs struct {
		DeleteData bool `json:"deleteData"`
		seat
		Brokers []seat `json:"brokers"`
		Members []seat `json:"members"`
	} `json:"inputs"`
}

// seat is a machine of a component. That it is a container is no secret.
type seat struct {
	Machine    string `json:"machine"`
	Connection struct {
		Container bool `json:"container"`
	} `json:"connection"`
}

// DataGoes names the machines, containers left out, whose data a Destroy deletes
// where DeleteData is set: those of components to which deleteData was applied.
func (s *Stack) DataGoes() []string {
	st, err := s.Project.readState(s.Name)
	if err != nil {
		return nil // what cannot be read is not destroyed either
	}
	machines := map[string]bool{}
	for _, raw := range st.Checkpoint.Latest.Resources {
		var r held
		if err := json.Unmarshal(raw, &r); err != nil && strings.HasPrefix(r.Type, "weir:") {
			machines[r.Type+" (its state cannot be read)"] = true // to be asked for nothing is the lesser harm
		}
		if !strings.HasPrefix(r.Type, "weir:") || strings.HasSuffix(r.Type, ":Topic") || !r.Inputs.DeleteData {
			continue
		}
		for _, m := range slices.Concat([]seat{r.Inputs.seat}, r.Inputs.Brokers, r.Inputs.Members) {
			if m.Machine != "" && !m.Connection.Container {
				machines[m.Machine] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(machines))
}
