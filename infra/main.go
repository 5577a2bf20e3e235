// Command infra is the Pulumi program of the project: it declares what the
// selected stack's config says.
package main

import (
	"weir/infra/stack"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() { pulumi.Run(stack.Program) }
