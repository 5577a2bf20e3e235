package stack

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"weir/provision/problem"
)

// namespace is the project's name: it stands before the keys of its config.
const namespace = "weir:"

// ParseFile reads and checks a whole Pulumi.<stack>.yaml: weir:cluster as
// Parse does, the secrets' form, and that no key is misspelt. Secrets are
// encrypted there, so those of the Config are stand-ins: enough to check that
// a machine can be logged in to, not to do it. src.Cluster and src.Secrets are
// not used. Keys of other namespaces are other programs' affair.
func ParseFile(src Source, file []byte) (Config, error) {
	var problems problem.List
	var doc struct {
		Config yaml.Node `yaml:"config"`
	}
	if err := yaml.Unmarshal(file, &doc); err != nil {
		problems.Add("", "Pulumi.%s.yaml cannot be read: %v", src.Stack, err)
		return Config{}, problems.Err()
	}
	var cluster *yaml.Node
	for key, value := range configPairs(&doc.Config) {
		switch {
		case key == keyCluster:
			cluster = value
		case slices.Contains(SecretKeys(), key):
			problems = append(problems, checkSecret(key, value)...)
			src.Secrets.Put(key, NewSecret(redacted))
		default:
			problems = append(problems, UnknownKeys(key)...)
		}
	}
	if cluster == nil {
		cluster = &yaml.Node{}
		problems.Add(namespace+keyCluster, "is missing; write it, or have `ops init` write it")
		return Config{}, problems.Err()
	}
	config, found := parseNode(src, cluster)
	return config, append(problems, found...).Err()
}

// Besides is what a Pulumi.<stack>.yaml holds beside weir:cluster, the secrets and
// what they are encrypted with among it: lines to write behind a weir:cluster
// that stands last under config. declared says whether it has one itself.
func Besides(file []byte) (lines []byte, declared bool, err error) {
	var doc map[string]yaml.Node
	if err := yaml.Unmarshal(file, &doc); err != nil {
		return nil, false, err
	}
	config := doc["config"]
	others := &yaml.Node{Kind: yaml.MappingNode}
	for i := 0; config.Kind == yaml.MappingNode && i+1 < len(config.Content); i += 2 {
		switch key := config.Content[i]; key.Value {
		case keyCluster, namespace + keyCluster:
			declared = true
		default:
			others.Content = append(others.Content, key, config.Content[i+1])
		}
	}
	delete(doc, "config")
	if len(others.Content) > 0 {
		var text bytes.Buffer
		e := yaml.NewEncoder(&text)
		e.SetIndent(2)
		if err := e.Encode(others); err != nil {
			return nil, declared, err
		}
		for line := range strings.Lines(text.String()) {
			lines = append(lines, "  "+line...)
		}
	}
	if len(doc) == 0 {
		return lines, declared, nil
	}
	text, err := yaml.Marshal(doc)
	return append(lines, text...), declared, err
}

// configPairs goes through the project's keys, without their namespace, which
// Pulumi lets a person leave out.
func configPairs(config *yaml.Node) func(yield func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		for i := 0; config.Kind == yaml.MappingNode && i+1 < len(config.Content); i += 2 {
			key := config.Content[i].Value
			if rest, ok := strings.CutPrefix(key, namespace); ok || !strings.Contains(key, ":") {
				if !yield(cmp.Or(rest, key), config.Content[i+1]) {
					return
				}
			}
		}
	}
}

// checkSecret refuses a secret that anyone who sees the file can read.
func checkSecret(key string, value *yaml.Node) problem.List {
	var problems problem.List
	if value.Kind != yaml.MappingNode || len(value.Content) != 2 || value.Content[0].Value != "secure" {
		problems.Add(namespace+key, "is not encrypted; remove it and run: pulumi config set --secret %s%s", namespace, key)
	}
	return problems
}

// UnknownKeys returns a problem for each config key, without its namespace,
// that the program does not read.
func UnknownKeys(keys ...string) problem.List {
	known := append(SecretKeys(), keyCluster)
	var problems problem.List
	for _, key := range keys {
		if !slices.Contains(known, key) {
			problems.Add(namespace+key, "is not a known key; %s", knownKeys(key, known))
		}
	}
	return problems
}
