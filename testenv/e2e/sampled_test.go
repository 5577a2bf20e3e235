//go:build !soak

package e2e

const thorough = false

// victims are the brokers that a flood sees die.
const victims = 1
