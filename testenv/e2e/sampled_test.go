//go:build !soak

package e2e

const thorough = false
