package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"
)

// resource is one of the provider's, as the state has it.
type resource struct {
	urn, id         string
	inputs, outputs *structpb.Struct
}

// secretMark is how an exported state marks a secret; see Pulumi's package
// resource, constant SigKey. The stack has none: its keys are files.
const secretMark = "4dabf18193072939515e22adb298388d"

// parseState takes the provider's resources out of an exported state.
func parseState(exported string) ([]resource, error) {
	if strings.Contains(exported, secretMark) {
		return nil, errors.New("the exported state has secrets, which this program cannot hand on")
	}
	var state struct {
		Deployment struct {
			Resources []struct {
				URN, ID, Type   string
				Inputs, Outputs map[string]any
			}
		}
	}
	if err := json.Unmarshal([]byte(exported), &state); err != nil {
		return nil, fmt.Errorf("read the exported state: %w", err)
	}
	var found []resource
	for _, r := range state.Deployment.Resources {
		if !strings.HasPrefix(r.Type, "weir:") {
			continue // the stack itself, and the provider
		}
		inputs, err1 := structpb.NewStruct(r.Inputs)
		outputs, err2 := structpb.NewStruct(r.Outputs)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("read %s from the exported state: %w", r.URN, err)
		}
		found = append(found, resource{r.URN, r.ID, inputs, outputs})
	}
	if len(found) == 0 {
		return nil, errors.New("the exported state has no resource of the provider")
	}
	return found, nil
}
