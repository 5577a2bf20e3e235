package provider

import (
	"reflect"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// secretKeys are the fields of a connection that are marked secret.
var secretKeys = func() (keys []string) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Connection]()) {
		if f.Tag.Get("provider") == "secret" {
			name, _, _ := strings.Cut(f.Tag.Get("pulumi"), ",")
			keys = append(keys, name)
		}
	}
	return keys
}()

// keepSecret marks what is secret of each connection in what is answered. infer
// does so where it checks; where it encodes what was read or made it loses the
// mark within a list: the state would hold the text in the clear, and the next
// up would find a change.
func keepSecret(m property.Map) property.Map {
	return hidden(property.New(m)).AsMap()
}

func hidden(v property.Value) property.Value {
	switch {
	case v.IsMap():
		m := v.AsMap()
		for key, value := range m.All {
			value = hidden(value)
			if slices.Contains(secretKeys, key) && value.IsString() {
				value = value.WithSecret(true)
			}
			m = m.Set(key, value)
		}
		return property.WithGoValue(v, m)
	case v.IsArray():
		a := v.AsArray().AsSlice()
		for i := range a {
			a[i] = hidden(a[i])
		}
		return property.WithGoValue(v, property.NewArray(a))
	}
	return v
}
