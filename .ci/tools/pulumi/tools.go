//go:build tools

// Package tools pins the Pulumi CLI: a module of its own, as the CLI's
// dependencies are many and none of weir's business.
package tools

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
